/*
 * The tar scan: a state machine over blocks that may be cut anywhere by the buffers they come in.
 *
 * One call takes a decompressed buffer and leaves a row for every member whose header ends in it,
 * with the stretch of its payload that the buffer holds. Only framing is decided here; Python
 * decides which types are acceptable, and what sparse maps and xattr records mean. The caller
 * provides all memory. flatten/native/pure.py behaves the same, to the byte.
 *
 * POSIX.1-2017 pax ("ustar Interchange Format"); GNU tar manual, "Basic Tar Format".
 */
#include "scan.h"

enum {
    PHASE_HEADER, PHASE_ZERO, PHASE_END, PHASE_PAYLOAD, PHASE_PADDING, PHASE_PAX, PHASE_GLOBAL,
    PHASE_NAME, PHASE_LINK, PHASE_GLOBAL_READ, PHASE_SPARSE, PHASE_SPARSE_READ
};

enum { HAVE_NAME = 1, HAVE_LINK = 2 };

enum { SPARSE_STRUCTS = 96, SPARSE_EXTENSION = 504 };

static int all_zero(const uint8_t *block, uint32_t length)
{
    for (uint32_t i = 0; i < length; i++)
        if (block[i])
            return 0;
    return 1;
}

static uint32_t padding_after(uint64_t size)
{
    return (uint32_t)(-size & (BLOCK - 1));
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

    prefix = flatten_prefix_length(h, &fields);
    if (st->have & HAVE_NAME) {
        name = st->name;
        name_length = flatten_text_length(st->name, st->name_fill);
        prefix = 0;
    } else if (fields.given & GIVEN_PATH) {
        name = st->pax + fields.path_offset;
        name_length = fields.path_length;
        prefix = 0;
    } else {
        name_length = flatten_text_length(name, 100);
    }
    if (st->have & HAVE_LINK) {
        link = st->link;
        link_length = flatten_text_length(st->link, st->link_fill);
    } else if (fields.given & GIVEN_LINK) {
        link = st->pax + fields.link_offset;
        link_length = fields.link_length;
    } else {
        link_length = flatten_text_length(link, 100);
    }
    if (type == 0 && name_length > 0 && name[name_length - 1] == '/')
        type = '5'; /* V7 had no other way to say it */
    else if (type == 0 || type == '7')
        type = '0';
    fault = flatten_fill_numbers(h, &fields, type, row);
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

/* If one member has several headers, the last counts, as for GNU tar and Go. */
static uint32_t extended(struct tar_state *st, const uint8_t *h, uint32_t phase, uint32_t *fill)
{
    int64_t size;

    if (!flatten_field(h + AT_SIZE, 12, &size) || size < 0)
        return FAULT_NUMBER;
    *fill = 0;
    if ((uint64_t)size > st->capacity)
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
    if (!flatten_checksum_right(h))
        return FAULT_CHECKSUM;
    if (!st->in_member) {
        st->in_member = 1;
        st->member_offset = at;
    }
    switch (h[AT_TYPEFLAG]) {
    case 'x':
    case 'X': /* Solaris */
        return extended(st, h, PHASE_PAX, &st->pax_fill);
    case 'g':
        return extended(st, h, PHASE_GLOBAL, &st->sparse_fill);
    case 'L':
        st->have |= HAVE_NAME;
        return extended(st, h, PHASE_NAME, &st->name_fill);
    case 'K':
        st->have |= HAVE_LINK;
        return extended(st, h, PHASE_LINK, &st->link_fill);
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
    if (st->global.given & (GIVEN_PATH | GIVEN_LINK | GIVEN_SIZE | GIVEN_MAJOR | GIVEN_MINOR |
                            GIVEN_SPARSE))
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
