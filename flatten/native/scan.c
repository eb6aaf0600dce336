/*
 * The tar scan: a state machine over blocks that may be cut anywhere by the buffers they come in.
 *
 * One call takes a decompressed buffer and leaves a row for every member whose header ends in it,
 * with the stretch of its payload that the buffer holds. Only framing is decided here: which
 * types are acceptable, what sparse maps and xattr records mean, is Python's. The caller provides
 * all memory. flatten/native/pure.py behaves the same, to the byte.
 *
 * POSIX.1-2017 pax ("ustar Interchange Format"); GNU tar manual, "Basic Tar Format".
 */
#include "scan.h"

enum {
    PHASE_HEADER, PHASE_ZERO, PHASE_END, PHASE_PAYLOAD, PHASE_PADDING, PHASE_PAX, PHASE_GLOBAL,
    PHASE_NAME, PHASE_LINK, PHASE_GLOBAL_READ, PHASE_SPARSE, PHASE_SPARSE_READ
};

enum { HAVE_NAME = 1, HAVE_LINK = 2 };

/* Offsets and lengths in a header block. */
enum {
    AT_NAME = 0, AT_MODE = 100, AT_UID = 108, AT_GID = 116, AT_SIZE = 124, AT_MTIME = 136,
    AT_CHECKSUM = 148, AT_TYPEFLAG = 156, AT_LINKNAME = 157, AT_MAGIC = 257, AT_DEVMAJOR = 329,
    AT_DEVMINOR = 337, AT_PREFIX = 345, AT_GNU_ATIME = 345, AT_GNU_CTIME = 357,
    AT_GNU_SPARSE = 386, AT_GNU_EXTENDED = 482, AT_GNU_REALSIZE = 483, AT_STAR_ATIME = 476,
    AT_STAR_CTIME = 488, AT_STAR_MAGIC = 508
};
enum { SPARSE_STRUCTS = 96, SPARSE_EXTENSION = 504 };

static uint32_t text_length(const uint8_t *text, uint32_t most)
{
    const uint8_t *end = memchr(text, 0, most);
    return end ? (uint32_t)(end - text) : most;
}

static int all_zero(const uint8_t *block, uint32_t length)
{
    for (uint32_t i = 0; i < length; i++)
        if (block[i])
            return 0;
    return 1;
}

/* Historic writers summed signed chars: both sums are accepted, as GNU tar does. */
static int checksum_right(const uint8_t *block)
{
    int64_t stated;
    int64_t plain = 8 * ' ', with_sign = 8 * ' ';

    for (uint32_t i = 0; i < BLOCK; i++) {
        plain += block[i];
        with_sign += (int8_t)block[i];
    }
    for (uint32_t i = AT_CHECKSUM; i < AT_CHECKSUM + 8; i++) {
        plain -= block[i];
        with_sign -= (int8_t)block[i];
    }
    return flatten_field(block + AT_CHECKSUM, 8, &stated) &&
           (stated == plain || stated == with_sign);
}

static uint32_t padding_after(uint64_t size)
{
    return (uint32_t)(-size & (BLOCK - 1));
}

static uint32_t owner(const uint8_t *field, uint32_t *out)
{
    int64_t value;

    if (!flatten_field(field, 8, &value))
        return FAULT_NUMBER;
    if (value < 0 || value > (int64_t)OWNER_MAX)
        return FAULT_OWNER;
    *out = (uint32_t)value;
    return FAULT_NONE;
}

/* The two times that GNU's and star's headers may hold; POSIX's ustar has a prefix there. */
static int header_times(const uint8_t *h, uint32_t atime_at, uint32_t ctime_at,
                        struct pax_fields *fields)
{
    int64_t atime = 0, ctime = 0;

    if (h[atime_at] && !flatten_field(h + atime_at, 12, &atime))
        return 0;
    if (h[ctime_at] && !flatten_field(h + ctime_at, 12, &ctime))
        return 0;
    if (h[atime_at] && !(fields->given & GIVEN_ATIME)) {
        fields->atime_s = atime;
        fields->atime_n = 0;
        fields->given |= GIVEN_ATIME;
    }
    if (h[ctime_at] && !(fields->given & GIVEN_CTIME)) {
        fields->ctime_s = ctime;
        fields->ctime_n = 0;
        fields->given |= GIVEN_CTIME;
    }
    return 1;
}

static int is_ascii(const uint8_t *text, uint32_t length)
{
    for (uint32_t i = 0; i < length; i++)
        if (text[i] & 0x80)
            return 0;
    return 1;
}

static uint32_t prefix_length(const uint8_t *h, struct pax_fields *fields)
{
    uint32_t length = 0;

    if (memcmp(h + AT_MAGIC, "ustar", 6) == 0) {
        if (memcmp(h + AT_STAR_MAGIC, "tar", 4) != 0)
            return text_length(h + AT_PREFIX, 155);
        length = text_length(h + AT_PREFIX, 131);
        header_times(h, AT_STAR_ATIME, AT_STAR_CTIME, fields);
    } else if (memcmp(h + AT_MAGIC, "ustar  ", 8) == 0 &&
               !header_times(h, AT_GNU_ATIME, AT_GNU_CTIME, fields)) {
        /* Go before 1.8 wrote a prefix into GNU headers: it is none that parses as times. */
        length = text_length(h + AT_PREFIX, 155);
        if (!is_ascii(h + AT_PREFIX, length))
            length = 0;
    }
    return length;
}

static uint32_t fill_numbers(const uint8_t *h, const struct pax_fields *f, uint32_t type,
                             struct tar_row *row)
{
    int64_t value;
    uint32_t fault;

    if (!flatten_field(h + AT_MODE, 8, &value))
        return FAULT_NUMBER;
    row->mode = (uint32_t)value & 07777;
    row->uid = f->uid;
    if (!(f->given & GIVEN_UID) && (fault = owner(h + AT_UID, &row->uid)) != FAULT_NONE)
        return fault;
    row->gid = f->gid;
    if (!(f->given & GIVEN_GID) && (fault = owner(h + AT_GID, &row->gid)) != FAULT_NONE)
        return fault;
    if (f->given & GIVEN_MTIME) {
        row->mtime_s = f->mtime_s;
        row->mtime_n = f->mtime_n;
    } else if (!flatten_field(h + AT_MTIME, 12, &row->mtime_s)) {
        return FAULT_NUMBER;
    }
    if (f->given & GIVEN_ATIME) {
        row->atime_s = f->atime_s;
        row->atime_n = f->atime_n;
        row->times |= TIMES_ATIME;
    }
    if (f->given & GIVEN_CTIME) {
        row->ctime_s = f->ctime_s;
        row->ctime_n = f->ctime_n;
        row->times |= TIMES_CTIME;
    }
    if (type == '3' || type == '4') {
        int64_t major = f->devmajor, minor = f->devminor;
        if (!(f->given & GIVEN_MAJOR) && !flatten_field(h + AT_DEVMAJOR, 8, &major))
            return FAULT_NUMBER;
        if (!(f->given & GIVEN_MINOR) && !flatten_field(h + AT_DEVMINOR, 8, &minor))
            return FAULT_NUMBER;
        if (major < 0 || major > UINT32_MAX || minor < 0 || minor > UINT32_MAX)
            return FAULT_NUMBER;
        row->devmajor = (uint32_t)major;
        row->devminor = (uint32_t)minor;
    }
    if (type >= '1' && type <= '6') /* header only, whatever the size field says */
        return FAULT_NONE;
    if (f->given & GIVEN_SIZE) {
        row->size = f->size;
        return FAULT_NONE;
    }
    if (!flatten_field(h + AT_SIZE, 12, &value) || value < 0)
        return FAULT_NUMBER;
    row->size = (uint64_t)value;
    return FAULT_NONE;
}

static void keep(const uint8_t *text, uint32_t length, struct tar_batch *batch)
{
    memcpy(batch->arena + batch->arena_fill, text, length);
    batch->arena_fill += length;
}

/* Turn the header and what preceded it into a row; the payload begins at buffer[pos]. */
static uint32_t member(struct tar_state *st, const uint8_t *h, struct tar_batch *batch,
                       uint32_t pos, uint32_t end, uint32_t *consumed)
{
    struct tar_row *row = &batch->rows[batch->rows_count];
    struct pax_fields fields = st->global;
    const uint8_t *name = h + AT_NAME, *link = h + AT_LINKNAME;
    uint32_t name_length, link_length, prefix, fault, flags, type = h[AT_TYPEFLAG];

    memset(row, 0, sizeof *row);
    row->header_offset = st->member_offset;
    row->records_offset = batch->arena_fill;
    fault = flatten_records(st->pax, st->pax_fill, &fields, batch->arena, &batch->arena_fill);
    if (fault != FAULT_NONE)
        return fault;
    row->records_end = batch->arena_fill;

    prefix = prefix_length(h, &fields);
    if (st->have & HAVE_NAME) {
        name = st->name;
        name_length = text_length(st->name, st->name_fill);
        prefix = 0;
    } else if (fields.given & GIVEN_PATH) {
        name = st->pax + fields.path_offset;
        name_length = fields.path_length;
        prefix = 0;
    } else {
        name_length = text_length(name, 100);
    }
    if (st->have & HAVE_LINK) {
        link = st->link;
        link_length = text_length(st->link, st->link_fill);
    } else if (fields.given & GIVEN_LINK) {
        link = st->pax + fields.link_offset;
        link_length = fields.link_length;
    } else {
        link_length = text_length(link, 100);
    }
    if (type == 0 && name_length > 0 && name[name_length - 1] == '/')
        type = '5'; /* V7 had no other way to say it */
    else if (type == 0 || type == '7')
        type = '0';
    fault = fill_numbers(h, &fields, type, row);
    if (fault != FAULT_NONE)
        return fault;

    flags = flatten_path(h + AT_PREFIX, prefix, name, name_length, batch->arena,
                         &batch->arena_fill, row);
    row->link_offset = batch->arena_fill;
    if (type == '1' || type == '2')
        keep(link, link_length, batch);
    else if (type == 'S')
        keep(st->sparse, st->sparse_fill, batch);
    row->link_end = batch->arena_fill;
    if (row->records_end > row->records_offset)
        flags |= ROW_RECORDS;
    row->kind = type | flags;
    row->payload_offset = pos;
    row->payload_here = row->size < end - pos ? (uint32_t)row->size : end - pos;
    batch->rows_count++;

    st->remaining = row->size - row->payload_here;
    st->payload_done = row->payload_here;
    st->padding = padding_after(row->size);
    st->phase = st->remaining ? PHASE_PAYLOAD : PHASE_PADDING;
    st->offset += row->payload_here;
    *consumed = row->payload_here;
    st->in_member = st->have = 0;
    st->pax_fill = st->name_fill = st->link_fill = st->sparse_fill = 0;
    return FAULT_NONE;
}

static uint32_t extended(struct tar_state *st, const uint8_t *h, uint32_t phase, uint32_t *fill,
                         int append)
{
    int64_t size;

    if (!flatten_field(h + AT_SIZE, 12, &size) || size < 0)
        return FAULT_NUMBER;
    if (!append)
        *fill = 0;
    if ((uint64_t)size + *fill > st->capacity)
        return FAULT_TOO_LARGE;
    st->remaining = (uint64_t)size;
    st->padding = padding_after((uint64_t)size);
    st->phase = phase;
    return FAULT_NONE;
}

static uint32_t sparse_member(struct tar_state *st, const uint8_t *h)
{
    if (memcmp(h + AT_MAGIC, "ustar  ", 8) != 0)
        return FAULT_SPARSE;
    if (h != st->header)
        memcpy(st->header, h, BLOCK);
    memcpy(st->sparse, h + AT_GNU_REALSIZE, 12);
    memcpy(st->sparse + 12, h + AT_GNU_SPARSE, SPARSE_STRUCTS);
    st->sparse_fill = 12 + SPARSE_STRUCTS;
    st->remaining = h[AT_GNU_EXTENDED] ? BLOCK : 0;
    st->phase = st->remaining ? PHASE_SPARSE : PHASE_SPARSE_READ;
    return FAULT_NONE;
}

static uint32_t header(struct tar_state *st, const uint8_t *h, struct tar_batch *batch,
                       uint32_t pos, uint32_t end, uint32_t *consumed)
{
    uint64_t at = st->offset - BLOCK;

    st->fault_offset = at;
    if (h[0] == 0 && all_zero(h, BLOCK)) {
        if (st->in_member)
            return FAULT_ORPHAN;
        st->phase = st->phase == PHASE_ZERO ? PHASE_END : PHASE_ZERO;
        return FAULT_NONE;
    }
    if (st->phase == PHASE_ZERO)
        return FAULT_LONE_ZERO;
    if (!checksum_right(h))
        return FAULT_CHECKSUM;
    if (!st->in_member) {
        st->in_member = 1;
        st->member_offset = at;
    }
    switch (h[AT_TYPEFLAG]) {
    case 'x':
    case 'X': /* Solaris */
        return extended(st, h, PHASE_PAX, &st->pax_fill, 1);
    case 'g':
        return extended(st, h, PHASE_GLOBAL, &st->sparse_fill, 0);
    case 'L':
        st->have |= HAVE_NAME;
        return extended(st, h, PHASE_NAME, &st->name_fill, 0);
    case 'K':
        st->have |= HAVE_LINK;
        return extended(st, h, PHASE_LINK, &st->link_fill, 0);
    case 'S':
        return sparse_member(st, h);
    default:
        st->fault_offset = st->member_offset;
        return member(st, h, batch, pos, end, consumed);
    }
}

/* A global header's xattrs become a row of their own; its fields apply to what follows. */
static uint32_t global_read(struct tar_state *st, struct tar_batch *batch)
{
    struct tar_row *row = &batch->rows[batch->rows_count];
    uint32_t fault;

    memset(row, 0, sizeof *row);
    row->kind = 'g' | ROW_RECORDS;
    row->header_offset = st->member_offset;
    row->records_offset = batch->arena_fill;
    fault = flatten_records(st->sparse, st->sparse_fill, &st->global, batch->arena,
                            &batch->arena_fill);
    st->sparse_fill = 0;
    st->fault_offset = st->member_offset;
    if (fault != FAULT_NONE)
        return fault;
    if (st->global.given & (GIVEN_PATH | GIVEN_LINK | GIVEN_SIZE | GIVEN_MAJOR | GIVEN_MINOR))
        return FAULT_GLOBAL;
    row->records_end = batch->arena_fill;
    if (row->records_end > row->records_offset)
        batch->rows_count++;
    if (st->pax_fill == 0 && st->have == 0)
        st->in_member = 0;
    st->phase = PHASE_PADDING;
    return FAULT_NONE;
}

/* Take up to `remaining` bytes of an extended header's body. */
static uint32_t body(struct tar_state *st, const uint8_t *from, uint32_t here, uint8_t *to,
                     uint32_t *fill)
{
    uint32_t count = st->remaining < here ? (uint32_t)st->remaining : here;

    memcpy(to + *fill, from, count);
    *fill += count;
    st->remaining -= count;
    st->offset += count;
    if (st->remaining == 0)
        st->phase = st->phase == PHASE_GLOBAL ? PHASE_GLOBAL_READ : PHASE_PADDING;
    return count;
}

/* Collect one extension block of a GNU sparse map; the last one says that none follows. */
static uint32_t sparse_block(struct tar_state *st, const uint8_t *from, uint32_t here,
                             uint32_t *fault)
{
    uint32_t seen = BLOCK - (uint32_t)st->remaining;
    uint32_t count = st->remaining < here ? (uint32_t)st->remaining : here;
    uint32_t useful = seen >= SPARSE_EXTENSION ? 0 : SPARSE_EXTENSION - seen;

    if (seen == 0 && (uint64_t)st->sparse_fill + SPARSE_EXTENSION > st->capacity) {
        st->fault_offset = st->member_offset;
        *fault = FAULT_TOO_LARGE;
        return 0;
    }
    if (useful > count)
        useful = count;
    memcpy(st->sparse + st->sparse_fill, from, useful);
    st->sparse_fill += useful;
    if (seen <= SPARSE_EXTENSION && seen + count > SPARSE_EXTENSION)
        st->padding = from[SPARSE_EXTENSION - seen]; /* the flag, until the block is complete */
    st->remaining -= count;
    st->offset += count;
    if (st->remaining == 0) {
        if (st->padding)
            st->remaining = BLOCK;
        else
            st->phase = PHASE_SPARSE_READ;
    }
    return count;
}

static int batch_full(const struct tar_state *st, const struct tar_batch *batch)
{
    uint64_t need = 2 * BLOCK + (uint64_t)st->pax_fill + st->name_fill + st->link_fill +
                    st->sparse_fill;

    return batch->rows_count == batch->rows_capacity ||
           need > batch->arena_capacity - batch->arena_fill;
}

static uint32_t next_header(struct tar_state *st, const uint8_t *buffer, uint32_t pos,
                            uint32_t end, struct tar_batch *batch, uint32_t *fault)
{
    uint32_t here = end - pos, consumed = 0;
    const uint8_t *h = buffer + pos;

    if (st->header_fill > 0 || here < BLOCK) {
        uint32_t count = BLOCK - st->header_fill < here ? BLOCK - st->header_fill : here;
        memcpy(st->header + st->header_fill, buffer + pos, count);
        st->header_fill += count;
        st->offset += count;
        pos += count;
        if (st->header_fill < BLOCK)
            return pos;
        st->header_fill = 0;
        h = st->header;
    } else {
        st->offset += BLOCK;
        pos += BLOCK;
    }
    *fault = header(st, h, batch, pos, end, &consumed);
    return pos + consumed;
}

uint32_t flatten_scan(struct tar_state *st, const uint8_t *buffer, uint32_t start, uint32_t end,
                      struct tar_batch *batch)
{
    uint32_t pos = start, fault = FAULT_NONE;

    batch->rows_count = batch->arena_fill = batch->continued = batch->full = 0;
    batch->continued_from = st->payload_done;
    while (st->fault == FAULT_NONE &&
           (pos < end || st->phase == PHASE_GLOBAL_READ || st->phase == PHASE_SPARSE_READ)) {
        uint32_t here = end - pos, count = 0;

        if (batch_full(st, batch)) {
            batch->full = 1;
            break;
        }
        switch (st->phase) {
        case PHASE_HEADER:
        case PHASE_ZERO:
            pos = next_header(st, buffer, pos, end, batch, &fault);
            break;
        case PHASE_END:
            st->offset += here;
            pos = end;
            break;
        case PHASE_PAYLOAD: /* only at a buffer's beginning: see member() */
            count = st->remaining < here ? (uint32_t)st->remaining : here;
            batch->continued = count;
            st->remaining -= count;
            st->payload_done += count;
            st->offset += count;
            if (st->remaining == 0)
                st->phase = PHASE_PADDING;
            break;
        case PHASE_PADDING:
            count = st->padding < here ? st->padding : here;
            st->padding -= count;
            st->offset += count;
            if (st->padding == 0)
                st->phase = PHASE_HEADER;
            break;
        case PHASE_PAX:
            count = body(st, buffer + pos, here, st->pax, &st->pax_fill);
            break;
        case PHASE_GLOBAL:
            count = body(st, buffer + pos, here, st->sparse, &st->sparse_fill);
            break;
        case PHASE_NAME:
            count = body(st, buffer + pos, here, st->name, &st->name_fill);
            break;
        case PHASE_LINK:
            count = body(st, buffer + pos, here, st->link, &st->link_fill);
            break;
        case PHASE_GLOBAL_READ:
            fault = global_read(st, batch);
            break;
        case PHASE_SPARSE:
            count = sparse_block(st, buffer + pos, here, &fault);
            break;
        default: /* PHASE_SPARSE_READ */
            st->fault_offset = st->member_offset;
            fault = member(st, st->header, batch, pos, end, &count);
            break;
        }
        st->fault = fault;
        pos += count;
    }
    return pos;
}

uint32_t flatten_scan_end(struct tar_state *st)
{
    if (st->fault != FAULT_NONE)
        return st->fault;
    st->fault_offset = st->offset;
    if (st->phase == PHASE_END || st->phase == PHASE_ZERO)
        return FAULT_NONE;
    if (st->in_member || (st->phase != PHASE_HEADER && st->phase != PHASE_PADDING))
        return FAULT_TRUNCATED;
    if (st->phase == PHASE_HEADER && !all_zero(st->header, st->header_fill))
        return FAULT_TRUNCATED;
    return FAULT_NONE;
}
