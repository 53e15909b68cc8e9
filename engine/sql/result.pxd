cdef class Result:
    cdef readonly tuple columns
    cdef readonly tuple kinds
    cdef readonly object rowcount
    cdef readonly str statement
    cdef readonly object source      # what computes further rows, or None: there are none
    cdef object _finish              # called at the end with whether it is a good one
    cdef bint _over
    cdef list _first                 # computed rows, the next one last
    cdef object __weakref__

    cpdef object end(self, bint well)
    cdef int _begin(self, object batches) except -1
    cdef list _pull(self, Py_ssize_t count)

cdef Result complete_result(tuple columns, tuple kinds, list rows, object rowcount, str statement)
