/*
 * What Python sees of the scanner; build.py hands this file to cffi as it is, so it holds
 * declarations only. flatten/tar/rows.py describes the same row for struct.unpack.
 */

struct tar_row {
    uint32_t kind;           /* typeflag in the low byte, ROW_* flags above it */
    uint32_t path_offset;    /* into the arena, like all offsets up to link_end */
    uint32_t parent_end;     /* the parent directory is path_offset..parent_end */
    uint32_t name_offset;    /* the last component is name_offset..path_end */
    uint32_t path_end;
    uint32_t payload_offset; /* where the payload begins in the scanned buffer */
    uint32_t payload_here;   /* how many of its bytes the buffer holds */
    uint32_t records_offset; /* PAX records that only Python understands */
    uint32_t records_end;
    uint32_t link_offset;    /* link target; for GNU sparse members their raw map */
    uint32_t link_end;
    uint32_t devmajor;
    uint32_t devminor;
    uint32_t reserved;       /* zero: keeps the 64-bit fields aligned */
    uint64_t size;           /* of the payload in the tar, zero if the type has none */
    uint64_t header_offset;  /* of the member's first block in the tar */
    int64_t mtime_s;         /* from here to `times` the bytes are the key of equal metadata */
    int64_t atime_s;
    int64_t ctime_s;
    uint32_t mtime_n;
    uint32_t atime_n;
    uint32_t ctime_n;
    uint32_t mode;
    uint32_t uid;
    uint32_t gid;
    uint32_t times;          /* 1: atime is given, 2: ctime is given */
    uint32_t reserved2;      /* zero: the row's length is a multiple of 8 */
};

struct pax_fields {
    uint32_t given;          /* GIVEN_* bits */
    uint32_t mtime_n, atime_n, ctime_n;
    uint32_t uid, gid, devmajor, devminor;
    int64_t mtime_s, atime_s, ctime_s;
    uint64_t size;
    uint32_t path_offset, path_length; /* into the PAX buffer */
    uint32_t link_offset, link_length;
};

struct tar_state {
    /* set by the caller before the first call */
    uint8_t *pax, *name, *link, *sparse; /* bodies of extended headers, `capacity` bytes each */
    uint32_t capacity;
    /* zeroed by the caller, then the scanner's own */
    uint32_t phase;
    uint64_t offset;         /* of the next unread byte in the tar */
    uint64_t remaining;      /* bytes of the current body still to come */
    uint64_t payload_done;   /* bytes of the current payload already reported */
    uint64_t member_offset;  /* of the first block of the member whose headers are being read */
    uint32_t in_member;
    uint32_t padding;        /* bytes after the current body up to the next block */
    uint32_t pax_fill, name_fill, link_fill, sparse_fill;
    uint32_t have;           /* HAVE_* bits: which extended headers precede the member */
    uint32_t header_fill;
    uint8_t header[512];
    struct pax_fields global;
    /* where scanning failed */
    uint32_t fault;          /* FAULT_* */
    uint64_t fault_offset;   /* of the header at fault in the tar */
};

struct tar_batch {
    /* set by the caller */
    struct tar_row *rows;
    uint32_t rows_capacity;
    uint8_t *arena;
    uint32_t arena_capacity;
    /* filled by the scanner */
    uint32_t rows_count;
    uint32_t arena_fill;
    uint64_t continued_from; /* offset in its payload of the member that the buffer continues */
    uint32_t continued;      /* how many bytes of it begin the buffer */
    uint32_t full;           /* 1: call again with an empty batch, from the position returned */
};

/*
 * Scan buffer[start..end); returns the position reached, which is short of `end` only where the
 * batch is full or scanning failed.
 */
uint32_t flatten_scan(struct tar_state *state, const uint8_t *buffer, uint32_t start, uint32_t end,
                      struct tar_batch *batch);

/* Say whether the tar may end here: FAULT_NONE or FAULT_TRUNCATED. */
uint32_t flatten_scan_end(struct tar_state *state);
