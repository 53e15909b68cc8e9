from libc.stdint cimport uint64_t
from engine.base.thread cimport HELD_MAX, THREADS_MAX, WAITS_LATCH, WAITS_SECTION, held_t, thread_at, thread_t, ticks, ticks_per_ns
from engine.pool.order cimport member_t, order_reports, report_t
