/* The scanner's constants (flatten/tar/rows.py has the same) and its parts. */
#ifndef FLATTEN_SCAN_H
#define FLATTEN_SCAN_H

#include <stdint.h>
#include <string.h>

#include "interface.h"

#define BLOCK 512u

enum { ROW_CLIMBS = 1u << 8, ROW_MARKER = 1u << 9, ROW_LONG = 1u << 10, ROW_RECORDS = 1u << 11 };

enum {
    FAULT_NONE, FAULT_CHECKSUM, FAULT_NUMBER, FAULT_OWNER, FAULT_RECORD, FAULT_TOO_LARGE,
    FAULT_GLOBAL, FAULT_LONE_ZERO, FAULT_ORPHAN, FAULT_NUL, FAULT_TRUNCATED, FAULT_SPARSE
};

enum {
    GIVEN_MTIME = 1, GIVEN_ATIME = 2, GIVEN_CTIME = 4, GIVEN_UID = 8, GIVEN_GID = 16,
    GIVEN_SIZE = 32, GIVEN_PATH = 64, GIVEN_LINK = 128, GIVEN_MAJOR = 256, GIVEN_MINOR = 512,
    GIVEN_SPARSE = 1024
};

enum { TIMES_ATIME = 1, TIMES_CTIME = 2 };

#define NOBODY 4294967295u /* -1 to chown(2), "no change": Python decides what it becomes */

/* Offsets and lengths in a header block. */
enum {
    AT_NAME = 0, AT_MODE = 100, AT_UID = 108, AT_GID = 116, AT_SIZE = 124, AT_MTIME = 136,
    AT_CHECKSUM = 148, AT_TYPEFLAG = 156, AT_LINKNAME = 157, AT_MAGIC = 257, AT_DEVMAJOR = 329,
    AT_DEVMINOR = 337, AT_PREFIX = 345, AT_GNU_ATIME = 345, AT_GNU_CTIME = 357,
    AT_GNU_SPARSE = 386, AT_GNU_EXTENDED = 482, AT_GNU_REALSIZE = 483, AT_STAR_ATIME = 476,
    AT_STAR_CTIME = 488, AT_STAR_MAGIC = 508
};
/* header.c */
uint32_t flatten_text_length(const uint8_t *text, uint32_t most);
int flatten_checksum_right(const uint8_t *block);
uint32_t flatten_prefix_length(const uint8_t *h, struct pax_fields *fields);
uint32_t flatten_fill_numbers(const uint8_t *h, const struct pax_fields *f, uint32_t type,
                              struct tar_row *row);

/* numbers.c: 1 if the text is a number in range */
int flatten_field(const uint8_t *field, uint32_t length, int64_t *value);
int flatten_decimal(const uint8_t *text, uint32_t length, uint64_t *value);
int flatten_time(const uint8_t *text, uint32_t length, int64_t *seconds, uint32_t *nanoseconds);

/* records.c: read PAX records into `fields`, append those that Python needs to the arena */
uint32_t flatten_records(const uint8_t *body, uint32_t length, struct pax_fields *fields,
                         uint8_t *arena, uint32_t *arena_fill);

/* paths.c: write a path without empty and "." components to the arena, fill the row's offsets */
uint32_t flatten_path(const uint8_t *head, uint32_t head_length, const uint8_t *tail,
                      uint32_t tail_length, uint8_t *arena, uint32_t *arena_fill,
                      struct tar_row *row);

#endif
