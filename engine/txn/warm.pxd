from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from engine.base.atomic cimport load_acquire
from engine.btree.warm cimport key_ref_t, tree_warm
from engine.pool.pool cimport pool_t
from engine.txn.store cimport Store
