from engine.base.thread cimport thread_self
