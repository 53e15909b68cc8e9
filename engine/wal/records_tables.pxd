"""The field tables behind records.pxd, kept apart so that only records.py carries them."""
from engine.wal.records cimport wal_field_t, wal_part_row_t, wal_record_row_t

cdef extern from *:
    """
    #define ANK_WAL_FIELD_ROW(structure, type, name, off, doc) \\
        {#structure, #type, #name, offsetof(structure, name), sizeof(((structure *)0)->name), doc},
    #define ANK_WAL_PART_ROW(structure, name, length, mask, doc) \\
        {#structure, #name, #length, offsetof(structure, length), sizeof(((structure *)0)->length), mask, doc},
    #define ANK_WAL_FIELD_ROWS(number, NAME, structure, FIELDS, PARTS, doc) FIELDS(ANK_WAL_FIELD_ROW)
    #define ANK_WAL_PART_ROWS(number, NAME, structure, FIELDS, PARTS, doc) PARTS(ANK_WAL_PART_ROW)
    #define ANK_WAL_RECORD_ROW(number, NAME, structure, FIELDS, PARTS, doc) {number, #NAME, #structure, sizeof(structure), doc},
    static const ank_wal_field_t ank_wal_fields[] = {
        ANK_SEGMENT_FIELDS(ANK_WAL_FIELD_ROW) ANK_RECORD_FIELDS(ANK_WAL_FIELD_ROW) ANK_RECORDS(ANK_WAL_FIELD_ROWS)
    };
    static const ank_wal_part_row_t ank_wal_parts[] = { ANK_RECORDS(ANK_WAL_PART_ROWS) };
    static const ank_wal_record_row_t ank_wal_records[] = { ANK_RECORDS(ANK_WAL_RECORD_ROW) };
    enum {
        ank_wal_field_count = sizeof(ank_wal_fields) / sizeof(ank_wal_fields[0]),
        ank_wal_part_count = sizeof(ank_wal_parts) / sizeof(ank_wal_parts[0]),
        ank_wal_record_count = sizeof(ank_wal_records) / sizeof(ank_wal_records[0])
    };
    """
    const wal_field_t *field_rows "ank_wal_fields"
    const wal_part_row_t *part_rows "ank_wal_parts"
    const wal_record_row_t *record_rows "ank_wal_records"
    int field_row_count "ank_wal_field_count"
    int part_row_count "ank_wal_part_count"
    int record_row_count "ank_wal_record_count"
