/*
 * PAX extended header records, "length key=value\n". POSIX.1-2017, pax, "pax Extended Header".
 *
 * "If the <value> field is zero length, it shall delete any header block field, previously entered
 * extended header value, or global extended header value of the same name." The header block's
 * field stays all the same, as in GNU tar and Go: every member has a name and an owner.
 */
#include "scan.h"

struct text {
    const uint8_t *at;
    uint32_t length;
};

static int is(struct text key, const char *name)
{
    return strlen(name) == key.length && memcmp(key.at, name, key.length) == 0;
}

static int begins(struct text key, const char *name)
{
    size_t length = strlen(name);
    return length <= key.length && memcmp(key.at, name, length) == 0;
}

static int for_python(struct text key)
{
    switch (key.at[0]) {
    case 'S':
        return begins(key, "SCHILY.xattr.") || begins(key, "SCHILY.acl.");
    case 'L':
        return begins(key, "LIBARCHIVE.xattr.") || is(key, "LIBARCHIVE.creationtime");
    case 'G':
        return begins(key, "GNU.sparse.");
    case 'R':
        return is(key, "RHT.security.selinux");
    default:
        return 0;
    }
}

static uint32_t time_record(struct text value, struct pax_fields *fields, uint32_t bit,
                            int64_t *seconds, uint32_t *nanoseconds)
{
    if (value.length == 0) {
        fields->given &= ~bit;
        return FAULT_NONE;
    }
    if (!flatten_time(value.at, value.length, seconds, nanoseconds))
        return FAULT_RECORD;
    fields->given |= bit;
    return FAULT_NONE;
}

static uint32_t number_record(struct text value, struct pax_fields *fields, uint32_t bit,
                              uint64_t most, uint32_t *number)
{
    uint64_t wide;

    if (value.length == 0) {
        fields->given &= ~bit;
        return FAULT_NONE;
    }
    if (!flatten_decimal(value.at, value.length, &wide))
        return FAULT_RECORD;
    if (wide > most)
        return FAULT_OWNER;
    *number = (uint32_t)wide;
    fields->given |= bit;
    return FAULT_NONE;
}

static uint32_t owner_record(struct text value, struct pax_fields *fields, uint32_t bit,
                             uint32_t *number)
{
    if (is(value, "-1")) {
        *number = NOBODY;
        fields->given |= bit;
        return FAULT_NONE;
    }
    return number_record(value, fields, bit, NOBODY, number);
}

static uint32_t text_record(const uint8_t *body, struct text value, struct pax_fields *fields,
                            uint32_t bit, uint32_t *offset, uint32_t *length)
{
    if (value.length == 0) {
        fields->given &= ~bit;
        return FAULT_NONE;
    }
    if (memchr(value.at, 0, value.length))
        return FAULT_NUL;
    *offset = (uint32_t)(value.at - body);
    *length = value.length;
    fields->given |= bit;
    return FAULT_NONE;
}

static uint32_t known_record(const uint8_t *body, struct text key, struct text value,
                             struct pax_fields *f)
{
    switch (key.at[0]) {
    case 'm':
        if (is(key, "mtime"))
            return time_record(value, f, GIVEN_MTIME, &f->mtime_s, &f->mtime_n);
        break;
    case 'a':
        if (is(key, "atime"))
            return time_record(value, f, GIVEN_ATIME, &f->atime_s, &f->atime_n);
        break;
    case 'c':
        if (is(key, "ctime"))
            return time_record(value, f, GIVEN_CTIME, &f->ctime_s, &f->ctime_n);
        break;
    case 'p':
        if (is(key, "path"))
            return text_record(body, value, f, GIVEN_PATH, &f->path_offset, &f->path_length);
        break;
    case 'l':
        if (is(key, "linkpath"))
            return text_record(body, value, f, GIVEN_LINK, &f->link_offset, &f->link_length);
        break;
    case 'u':
        if (is(key, "uid"))
            return owner_record(value, f, GIVEN_UID, &f->uid);
        break;
    case 'g':
        if (is(key, "gid"))
            return owner_record(value, f, GIVEN_GID, &f->gid);
        break;
    case 's':
        if (is(key, "size")) {
            if (value.length == 0) {
                f->given &= ~(uint32_t)GIVEN_SIZE;
                return FAULT_NONE;
            }
            f->given |= GIVEN_SIZE;
            return flatten_decimal(value.at, value.length, &f->size) ? FAULT_NONE : FAULT_RECORD;
        }
        break;
    case 'G': /* Python reads it, but it must not be global */
        if (begins(key, "GNU.sparse.") && value.length)
            f->given |= GIVEN_SPARSE;
        break;
    case 'S':
        if (is(key, "SCHILY.devmajor"))
            return number_record(value, f, GIVEN_MAJOR, UINT32_MAX, &f->devmajor);
        if (is(key, "SCHILY.devminor"))
            return number_record(value, f, GIVEN_MINOR, UINT32_MAX, &f->devminor);
        break;
    }
    return FAULT_NONE;
}

uint32_t flatten_records(const uint8_t *body, uint32_t length, struct pax_fields *fields,
                         uint8_t *arena, uint32_t *arena_fill)
{
    uint32_t at = 0;

    while (at < length && body[at] != 0) { /* some writers pad the last block with NULs */
        uint64_t size = 0;
        uint32_t digits = 0, fault;
        struct text key, value;
        const uint8_t *equals;

        while (at + digits < length && body[at + digits] >= '0' && body[at + digits] <= '9') {
            size = size * 10 + (uint64_t)(body[at + digits] - '0');
            if (size > length)
                return FAULT_RECORD;
            digits++;
        }
        if (digits == 0 || size > length - at || size < digits + 4u ||
            body[at + digits] != ' ' || body[at + size - 1] != '\n')
            return FAULT_RECORD;
        key.at = body + at + digits + 1;
        equals = memchr(key.at, '=', (size_t)size - digits - 2);
        if (!equals || equals == key.at)
            return FAULT_RECORD;
        key.length = (uint32_t)(equals - key.at);
        value.at = equals + 1;
        value.length = (uint32_t)size - digits - 3 - key.length;
        fault = known_record(body, key, value, fields);
        if (fault != FAULT_NONE)
            return fault;
        if (for_python(key)) {
            memcpy(arena + *arena_fill, body + at, (size_t)size);
            *arena_fill += (uint32_t)size;
        }
        at += (uint32_t)size;
    }
    return FAULT_NONE;
}
