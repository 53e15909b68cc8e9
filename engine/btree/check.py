"""The structural check of trees: every page from a root, against everything this project promises about it.

For each page: it is reachable once; its bounds are sound (page_validate); tree, level and kind are what the parent
expects; its fences are the parent's keys; its prefix is what the fences share; slots are in key order, inside the
fences; heads and hints agree with the keys. For each overflow reference: the chain holds exactly the bytes it names.

A check reads at a registered snapshot and so sees one state while writing goes on. It never stops at the first
finding; what it cannot read it names and leaves out.
"""

import cython
from cython.cimports.cpython.bytes import PyBytes_FromStringAndSize
from cython.cimports.engine.btree.node import common_prefix
from cython.cimports.engine.pool.fail import error_of
from cython.cimports.engine.pool.pool import frame_page, pool_fix, pool_unfix
from cython.cimports.engine.storage.layout import (
    FLAG_UPPER_INFINITE,
    HEADER_SIZE,
    HINTS,
    KIND_BRANCH,
    KIND_LEAF,
    KIND_OVERFLOW,
    VALUE_OVERFLOW,
    cell_at,
    cell_key,
    cell_value,
    key_head,
    lower_fence,
    overflow_ref_t,
    page_t,
    slot_at,
    upper_fence,
)
from cython.cimports.engine.storage.page import page_validate
from cython.cimports.libc.string import memcpy

from engine.base.dataclass import dataclass
from engine.storage.page import PROBLEMS


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. page, offset: where, or None; offset counts bytes in the file `file`."""

    what: str
    file: str | None = None
    page: int | None = None
    offset: int | None = None

    def __str__(self) -> str:
        where = [
            f"{n} {v}" for n, v in (("file", self.file), ("page", self.page), ("offset", self.offset)) if v is not None
        ]
        return f"{self.what} ({', '.join(where)})" if where else self.what


class TreeChecker:
    """Checks trees of one store at one snapshot; `findings` and `owners` grow over several trees."""

    def __init__(self, path, lsn):
        self.path = path
        self.lsn = lsn
        self.findings = []
        self.owners = {}
        self.progress = None

    def find(self, what, page=None):
        """Note a finding."""
        self.findings.append(Finding(what, self.path, page))

    def fix(self, page_id, what):
        """A private copy of a page's bytes at the snapshot, or None with the reason among the findings."""
        size = self.pool.page_size
        copy: bytes = PyBytes_FromStringAndSize(cython.NULL, size)
        out = cython.cast(cython.p_char, copy)
        with cython.nogil:
            thread_does(OP_CHECK)
            frame = pool_fix(self.pool, page_id, self.lsn)
            if frame >= 0:
                memcpy(out, frame_page(self.pool, frame), size)
                pool_unfix(self.pool, frame)
        if frame < 0:
            error = error_of(frame, self.path)
            self.findings.append(
                Finding(f"{what}: {error.args[0]}", self.path, int(page_id), getattr(error, "offset", None))
            )
            return None
        return copy

    def check_tree(self, root, tree, what):
        """Check the tree with this root; how many keys it has."""
        return self._check_page(root, tree, what, None, b"", None)

    def _claim(self, page_id, what):
        if page_id in self.owners:
            self.find(f"{what}: the page already belongs to {self.owners[page_id]}", page_id)
            return False
        self.owners[page_id] = what
        if self.progress is not None:
            self.progress(len(self.owners))
        return True

    def _check_page(self, page_id, tree, what, level, lower, upper):
        """Check a page and all below it; how many keys it has. level: what the parent expects, None for a root."""
        if not self._claim(page_id, what):
            return 0
        copy: bytes = self.fix(page_id, what)
        if copy is None:
            return 0
        page = cython.cast(cython.pointer(page_t), cython.cast(cython.p_char, copy))
        problem = page_validate(page, self.pool.page_size)
        if problem != 0:
            self.find(f"{what}: {PROBLEMS[problem]}", page_id)
            return 0
        if page.kind != KIND_LEAF and page.kind != KIND_BRANCH:
            self.find(f"{what}: the page is no tree node", page_id)
            return 0
        if page.tree_id != tree or page.page_id != page_id:
            self.find(f"{what}: the page says tree {page.tree_id}, page {page.page_id}", page_id)
        if level is not None and page.level != level:
            self.find(f"{what}: level {page.level} where {level} was expected", page_id)
            return 0
        keys = self._check_node(copy, page_id, what, lower, upper)
        if page.kind == KIND_BRANCH:
            return self._check_children(copy, page_id, tree, what, keys, upper)
        self._check_values(copy, page_id, tree, what)
        return len(keys)

    def _check_node(self, copy, page_id, what, lower, upper):
        """Fences, prefix, order, heads and hints of one node; its keys."""
        data: bytes = copy
        page = cython.cast(cython.pointer(page_t), cython.cast(cython.p_char, data))
        size = self.pool.page_size
        low = lower_fence(page, size)
        high = upper_fence(page, size)
        own_lower = PyBytes_FromStringAndSize(cython.cast(cython.p_char, low), page.lower_len)
        infinite: cython.bint = page.flags & FLAG_UPPER_INFINITE
        own_upper = None if infinite else PyBytes_FromStringAndSize(cython.cast(cython.p_char, high), page.upper_len)
        if own_lower != lower or own_upper != upper:
            self.find(f"{what}: the fences are not those the parent gives", page_id)
        shared = 0 if infinite else common_prefix(low, page.lower_len, high, page.upper_len)
        if page.prefix_len != shared:
            self.find(f"{what}: prefix of {page.prefix_len} bytes, the fences share {shared}", page_id)
        prefix = own_lower[: page.prefix_len]
        keys = []
        i: cython.long
        for i in range(page.count):
            slot = slot_at(page, i)
            raw = cell_key(page, slot)
            keys.append(prefix + PyBytes_FromStringAndSize(cython.cast(cython.p_char, raw), slot.key_len))
            if slot.head != key_head(raw, slot.key_len):
                self.find(f"{what}: slot {i} has a head that is not its key's", page_id)
        for i in range(1, len(keys)):
            if keys[i - 1] >= keys[i]:
                self.find(f"{what}: slots {i - 1} and {i} are not in key order", page_id)
        if keys and (keys[0] < own_lower or (own_upper is not None and keys[-1] >= own_upper)):
            self.find(f"{what}: keys outside the fences", page_id)
        distance: cython.long = page.count // (HINTS + 1)
        if page.count > 2 * HINTS:
            for i in range(HINTS):
                if page.hint[i] != slot_at(page, distance * (i + 1)).head:
                    self.find(f"{what}: hint {i} is not the head it stands for", page_id)
        return keys

    def _check_children(self, copy, page_id, tree, what, keys, upper):
        data: bytes = copy
        page = cython.cast(cython.pointer(page_t), cython.cast(cython.p_char, data))
        level = int(page.level) - 1
        children = []
        i: cython.long
        child: cython.uint
        for i in range(page.count):
            memcpy(cython.address(child), cell_value(page, slot_at(page, i)), 4)
            children.append(int(child))
        total = 0
        for number, child_id in enumerate(children):
            bound = keys[number + 1] if number + 1 < len(keys) else upper
            total += self._check_page(child_id, tree, what, level, keys[number], bound)
        return total

    def _check_values(self, copy, page_id, tree, what):
        """Follow the overflow references of a leaf."""
        data: bytes = copy
        page = cython.cast(cython.pointer(page_t), cython.cast(cython.p_char, data))
        ref: overflow_ref_t
        i: cython.long
        for i in range(page.count):
            slot = slot_at(page, i)
            if cell_at(page, slot).value_len & VALUE_OVERFLOW:
                memcpy(cython.address(ref), cell_value(page, slot), cython.sizeof(overflow_ref_t))
                self._check_overflow(
                    int(ref.first_page), int(ref.length), tree, f"{what}: long value of page {page_id}"
                )

    def _check_overflow(self, first, length, tree, what):
        page_id = first
        left = length
        while left > 0:
            if page_id == 0:
                self.find(f"{what}: ends {left} bytes too early", first)
                return
            if not self._claim(page_id, what):
                return
            copy: bytes = self.fix(page_id, what)
            if copy is None:
                return
            page = cython.cast(cython.pointer(page_t), cython.cast(cython.p_char, copy))
            if page.kind != KIND_OVERFLOW or page.tree_id != tree or page.data_len == 0 or page.data_len > left:
                self.find(f"{what}: the page is not a part of it", page_id)
                return
            if page.data_len > self.pool.page_size - HEADER_SIZE:
                self.find(f"{what}: more bytes than a page holds", page_id)
                return
            left -= int(page.data_len)
            page_id = int(page.next)
        if page_id != 0:
            self.find(f"{what}: goes on behind its end", page_id)
