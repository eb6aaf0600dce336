/*
 * The fields of one header block. POSIX.1-2017 pax, "ustar Interchange Format"; GNU tar manual,
 * "Basic Tar Format"; star(5).
 */
#include "scan.h"

uint32_t flatten_text_length(const uint8_t *text, uint32_t most)
{
    const uint8_t *end = memchr(text, 0, most);
    return end ? (uint32_t)(end - text) : most;
}

/* Historic writers summed signed chars: both sums are accepted, as GNU tar does. */
int flatten_checksum_right(const uint8_t *block)
{
    int64_t stated;
    int32_t plain = 8 * ' ', with_sign = 8 * ' '; /* narrow: this is the hottest loop here */

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

static uint32_t owner(const uint8_t *field, uint32_t *out)
{
    int64_t value;

    if (!flatten_field(field, 8, &value))
        return FAULT_NUMBER;
    if (value < -1 || value > (int64_t)NOBODY)
        return FAULT_OWNER;
    *out = (uint32_t)value; /* -1 becomes NOBODY */
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

uint32_t flatten_prefix_length(const uint8_t *h, struct pax_fields *fields)
{
    uint32_t length = 0;

    if (memcmp(h + AT_MAGIC, "ustar", 6) == 0) {
        if (memcmp(h + AT_STAR_MAGIC, "tar", 4) != 0)
            return flatten_text_length(h + AT_PREFIX, 155);
        length = flatten_text_length(h + AT_PREFIX, 131);
        header_times(h, AT_STAR_ATIME, AT_STAR_CTIME, fields);
    } else if (memcmp(h + AT_MAGIC, "ustar  ", 8) == 0 &&
               !header_times(h, AT_GNU_ATIME, AT_GNU_CTIME, fields)) {
        /* Go before 1.8 wrote a prefix into GNU headers: if it parses as times, it isn't one. */
        length = flatten_text_length(h + AT_PREFIX, 155);
        if (!is_ascii(h + AT_PREFIX, length))
            length = 0;
    }
    return length;
}

uint32_t flatten_fill_numbers(const uint8_t *h, const struct pax_fields *f, uint32_t type,
                             struct tar_row *row)
{
    int64_t value;
    uint32_t fault;

    if (!flatten_field(h + AT_MODE, 8, &value))
        return FAULT_NUMBER;
    row->mode = type == '2' ? 0777 : (uint32_t)value & 07777; /* Linux has no other: symlink(7) */
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
    if (type >= '1' && type <= '6') /* these have only a header, whatever the size field says */
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
