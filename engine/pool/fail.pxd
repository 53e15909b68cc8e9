cdef object error_of(long code, str path)
cdef int check(long code, str path) except -1
