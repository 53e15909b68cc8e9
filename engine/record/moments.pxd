from libc.stdint cimport int64_t

cdef int64_t days_of(object value) except? -1
cdef int64_t micros_of(object value) except? -1
cdef object date_from_days(int64_t days)
cdef object timestamp_from_micros(int64_t micros)
cdef int64_t days_from_civil(int64_t year, int month, int day) noexcept nogil
cdef void civil_from_days(int64_t days, int *year, int *month, int *day) noexcept nogil
