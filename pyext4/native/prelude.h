/* Included by every file of the compiled backend: no Python.h, no allocation, no mutable globals. */
#ifndef PYEXT4_PRELUDE_H
#define PYEXT4_PRELUDE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "native.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "structures are filled in host order: on a big-endian machine the pure backend does the work"
#endif

/* Continue the filesystem's seed with an inode number and a generation of 0. */
static inline uint32_t px_inode_seed(uint32_t fs_seed, uint32_t ino)
{
    uint32_t words[2] = {ino, 0};
    return px_crc32c(fs_seed, (const uint8_t *)words, sizeof words);
}

#endif
