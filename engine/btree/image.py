"""A node by itself, outside any pool: to rebuild a page from what is known of it, and to try the node operations.

The methods call the operations of engine.btree.node with arguments as the log records them; a result that is not 0
(NODE_FULL, NODE_DAMAGED) is handed on as it is, for the caller decides what it means.
"""

import cython
from cython.cimports.cpython.bytes import PyBytes_AS_STRING, PyBytes_FromStringAndSize

SCRATCH_PAGES = 4


class PageImage:
    """A leaf or a branch of `page_size` bytes, empty to begin with, that covers all keys."""

    def __cinit__(self, page_size):
        self.page_size = page_size
        self.page = cython.cast(cython.pointer(page_t), calloc(1, page_size))
        self.scratch = cython.cast(cython.p_uchar, malloc(SCRATCH_PAGES * page_size))
        if self.page == cython.NULL or self.scratch == cython.NULL:
            raise MemoryError
        if self.build([]) != 0:
            raise ValueError(page_size)

    def __dealloc__(self):
        free(self.page)
        free(self.scratch)

    def build(self, cells, lower=b"", upper=None, level=0):
        """Make the node hold these (key, value) pairs between these fences; every key begins with what they share."""
        low: bytes = lower
        high: bytes = upper if upper is not None else b""
        build: build_t
        build.kind = KIND_LEAF if level == 0 else KIND_BRANCH
        build.level = level
        build.count = len(cells)
        build.flags = FLAG_UPPER_INFINITE if upper is None else 0
        build.lower = cython.cast(cython.p_uchar, PyBytes_AS_STRING(low))
        build.lower_len = len(low)
        build.upper = cython.cast(cython.p_uchar, PyBytes_AS_STRING(high))
        build.upper_len = len(high)
        build.prefix_len = 0
        if upper is not None:
            build.prefix_len = cython.cast(
                cython.ushort, common_prefix(build.lower, build.lower_len, build.upper, build.upper_len)
            )
        skip: int = build.prefix_len
        packed: bytes = b"".join(
            (len(key) - skip).to_bytes(2, "little") + len(value).to_bytes(2, "little") + key[skip:] + value
            for key, value in cells
        )
        build.cells = cython.cast(cython.p_uchar, PyBytes_AS_STRING(packed))
        build.cells_len = len(packed)
        return node_build(self.page, self.page_size, cython.address(build))

    def insert(self, index, key, value):
        """Insert a cell as slot `index`: 0, NODE_FULL or NODE_DAMAGED."""
        k: bytes = key
        v: bytes = value
        return node_insert(
            self.page,
            self.page_size,
            index,
            cython.cast(cython.p_uchar, PyBytes_AS_STRING(k)),
            len(k),
            cython.cast(cython.p_uchar, PyBytes_AS_STRING(v)),
            len(v),
            self.scratch,
        )

    def update(self, index, value):
        """Replace the value of slot `index`: 0, NODE_FULL or NODE_DAMAGED."""
        v: bytes = value
        return node_update(
            self.page,
            self.page_size,
            index,
            cython.cast(cython.p_uchar, PyBytes_AS_STRING(v)),
            len(v),
            self.scratch,
        )

    def delete(self, index):
        """Remove slot `index`: 0 or NODE_DAMAGED."""
        return node_delete(self.page, self.page_size, index)

    def truncate(self, index, upper):
        """Drop the slots from `index` on; `upper` is the new upper fence: 0 or NODE_DAMAGED."""
        high: bytes = upper
        return node_truncate(
            self.page,
            self.page_size,
            index,
            cython.cast(cython.p_uchar, PyBytes_AS_STRING(high)),
            len(high),
            self.scratch,
        )

    def search(self, key):
        """(index where the key is or would be, whether it is there); the key lies between the fences."""
        k: bytes = key
        found = node_search(self.page, self.page_size, cython.cast(cython.p_uchar, PyBytes_AS_STRING(k)), len(k))
        if found < 0:
            raise ValueError(key)
        return int(found >> 1), bool(found & 1)

    def fits(self, key, value):
        """Whether an insert of this cell would succeed."""
        return bool(node_fits(self.page, len(key), len(value)))

    def can_update(self, index, value):
        """Whether the value of slot `index` can be replaced by this one."""
        return bool(node_can_update(self.page, index, cython.cast(cython.ushort, len(value))))

    def split_index(self, position, fence_len):
        """Where the node would be split for an insert at `position` with a separator of at most `fence_len` bytes."""
        return int(node_split_index(self.page, self.page_size, position, fence_len))

    def cells(self):
        """Every (key, value) in slot order; a value that stands elsewhere is its reference."""
        found = []
        i: cython.long
        for i in range(self.page.count):
            length = node_key(self.page, self.page_size, i, self.scratch)
            slot = slot_at(self.page, i)
            value_len: cython.uint = cell_at(self.page, slot).value_len & 0x7FFF
            found.append(
                (
                    PyBytes_FromStringAndSize(cython.cast(cython.p_char, self.scratch), length),
                    PyBytes_FromStringAndSize(cython.cast(cython.p_char, cell_value(self.page, slot)), value_len),
                )
            )
        return found

    def fences(self):
        """(lower fence, upper fence or None)."""
        low = lower_fence(self.page, self.page_size)
        high = upper_fence(self.page, self.page_size)
        lower = PyBytes_FromStringAndSize(cython.cast(cython.p_char, low), self.page.lower_len)
        if self.page.flags & FLAG_UPPER_INFINITE:
            return lower, None
        return lower, PyBytes_FromStringAndSize(cython.cast(cython.p_char, high), self.page.upper_len)

    def problem(self):
        """The first problem that reading the page from a file would find (engine.storage.page.PROBLEMS), 0 for none."""
        return int(page_validate(self.page, self.page_size))

    def free_bytes(self):
        """Bytes that cells could still use, after compaction."""
        return int(node_free(self.page))

    def __bytes__(self):
        return PyBytes_FromStringAndSize(cython.cast(cython.p_char, self.page), self.page_size)

    def __len__(self):
        return int(self.page.count)
