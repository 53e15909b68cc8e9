"""The two meta slots: where the last checkpoint is.

    slot 0            slot 1            slot 2 ...
    +-----------------+-----------------+---------
    | meta, seq 8     | meta, seq 9     | pages         the valid one with the larger sequence number counts
    +-----------------+-----------------+---------

A checkpoint writes the older of the two after everything it names is durable, so that a write torn by a crash leaves
the newer one as it was. Slot 1 begins at page_size, which is read from slot 0; should slot 0 be torn, slot 1 is looked for
at every page size there is.

The fields behind the checksum belong to feature bit 0 and have a checksum of their own, so that an engine that does not
know them still finds the meta valid, and refuses it for the bit. It goes on from the first checksum's value instead of
over its bytes: a CRC of data followed by the data's own CRC is the same for all data, and a meta whose first part is new
and whose last is old, as a torn write leaves it, would pass for whole.
"""

import cython

from engine.base.errors import CorruptionError, NotSupportedError, OperationalError
from engine.storage.layout import MAGIC

PAGE_SIZES = (4096, 8192, 16384, 32768, 65536)


def retained_check(m):
    """What `retained_check` must be: the checksum of the fields before the first checksum, then of those behind it."""
    return crc32c(m.checksum, cython.address(m.retained_slot), RETAINED_SIZE)


class Meta:
    """One meta slot, readable and writable by field name as `layout.fields("meta")` lists them."""

    def __init__(self):
        memset(cython.address(self.m), 0, cython.sizeof(meta_t))

    def as_dict(self):
        """All fields by name."""
        return dict(self.m)

    def update(self, **fields):
        """Set fields by name."""
        values: dict = dict(self.m)
        unknown = fields.keys() - values.keys()
        if unknown:
            raise KeyError(f"no such meta field: {', '.join(sorted(unknown))}")
        values.update(fields)
        self.m = values

    def seal(self):
        """The bytes to write, checksum included."""
        self.m.magic = META_MAGIC
        self.m.major = FORMAT_MAJOR
        self.m.minor = FORMAT_MINOR
        self.m.features = FEATURE_RETAINED if self.m.retained_slot != 0 else 0
        self.m.checksum = crc32c(0, cython.address(self.m), META_CHECKED)
        self.m.retained_check = 0
        if self.m.features & FEATURE_RETAINED:
            self.m.retained_check = retained_check(cython.address(self.m))
        return cython.cast(cython.p_char, cython.address(self.m))[: cython.sizeof(meta_t)]

    def sealed(self):
        """The bytes to write, checksum included."""
        return self.seal()


def parse(data):
    """The Meta in the first bytes of `data`, or None if they are no valid meta slot."""
    found: Meta = Meta()
    raw: bytes = bytes(data)
    if len(raw) < cython.sizeof(meta_t):
        return None
    memcpy(cython.address(found.m), cython.cast(cython.p_char, raw), cython.sizeof(meta_t))
    if found.m.magic != META_MAGIC or found.m.checksum != crc32c(0, cython.address(found.m), META_CHECKED):
        return None
    if not found.m.features & FEATURE_RETAINED:
        found.m.retained_slot = found.m.retained_tag = found.m.retained_check = 0  # an older engine wrote none
    elif found.m.retained_check != retained_check(cython.address(found.m)):
        return None
    return found


def read_metas(file):
    """The valid meta slots of an open data file: a list of (slot number, Meta), the one that counts first."""
    first = parse(file.pread(4096, 0))
    sizes = [int(first.as_dict()["page_size"])] if first is not None else PAGE_SIZES
    found = [] if first is None else [(0, first)]
    for size in sizes:
        second = parse(file.pread(4096, size))
        if second is not None and second.as_dict()["page_size"] == size:
            found.append((1, second))
            break
    return sorted(found, key=lambda item: -item[1].as_dict()["sequence"])


def choose(file, path):
    """The slot number and Meta that count. Raises OperationalError (not ours), CorruptionError, NotSupportedError."""
    metas = read_metas(file)
    if not metas:
        start = file.pread(8, 0)
        if start == MAGIC:
            raise CorruptionError("both meta slots are damaged; recover what can be read", file=path, offset=0)
        raise OperationalError(f"{path} is not an Anokuro database")
    number, meta = metas[0]
    fields = meta.as_dict()
    if fields["major"] > FORMAT_MAJOR or fields["features"] & ~FEATURE_RETAINED:
        raise NotSupportedError(
            f"{path} has format {fields['major']}.{fields['minor']} (features {fields['features']:#x}); "
            f"this version reads up to {FORMAT_MAJOR}.{FORMAT_MINOR}: use a newer Anokuro"
        )
    if fields["page_size"] not in PAGE_SIZES or fields["table_depth"] > 5:
        raise CorruptionError("the meta slot has impossible values", file=path, offset=0)
    return number, meta
