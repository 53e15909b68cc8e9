"""The structs of the pool in memory, with the compiler's own offsets."""

import cython


def memory_structures():
    """{struct: (bytes, [(field, C type, offset, bytes, meaning)])} of the pool's structs in memory."""
    found = {}
    i: cython.int
    for i in range(memory_size_count):
        found[memory_sizes[i].structure.decode()] = (int(memory_sizes[i].size), [])
    for i in range(memory_field_count):
        f = cython.address(memory_fields[i])
        found[f.structure.decode()][1].append(
            (f.name.decode(), f.type.decode(), int(f.offset), int(f.size), f.doc.decode())
        )
    return found
