from libc.stdint cimport uint32_t, uint64_t
from engine.base.thread cimport THREADS_MAX, thread_at, thread_t
from engine.storage.aio cimport aio_concurrent, aio_t
from engine.txn.store cimport Store
