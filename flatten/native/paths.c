/*
 * Paths as the merge needs them: components joined by single slashes, none empty, none ".".
 * What ".." means depends on the tree, so it stays and the row is flagged.
 */
#include "scan.h"

struct cursor {
    uint8_t *out;
    uint32_t start, fill, last, before, flags;
};

static void component(struct cursor *path, const uint8_t *text, uint32_t length)
{
    if (length == 0 || (length == 1 && text[0] == '.'))
        return;
    if (length == 2 && text[0] == '.' && text[1] == '.')
        path->flags |= ROW_CLIMBS;
    if (length >= 4 && memcmp(text, ".wh.", 4) == 0)
        path->flags |= ROW_MARKER;
    if (length > 255)
        path->flags |= ROW_LONG;
    path->before = path->fill;
    if (path->fill > path->start)
        path->out[path->fill++] = '/';
    path->last = path->fill;
    memcpy(path->out + path->fill, text, length);
    path->fill += length;
}

static void split(struct cursor *path, const uint8_t *text, uint32_t length)
{
    uint32_t from = 0;

    while (from < length) {
        const uint8_t *slash = memchr(text + from, '/', length - from);
        uint32_t to = slash ? (uint32_t)(slash - text) : length;
        component(path, text + from, to - from);
        from = to + 1;
    }
}

/* Joins ustar's prefix (may be empty) and name with a slash. */
uint32_t flatten_path(const uint8_t *head, uint32_t head_length, const uint8_t *tail,
                      uint32_t tail_length, uint8_t *arena, uint32_t *arena_fill,
                      struct tar_row *row)
{
    struct cursor path = {arena, *arena_fill, *arena_fill, *arena_fill, *arena_fill, 0};

    split(&path, head, head_length);
    split(&path, tail, tail_length);
    row->path_offset = path.start;
    row->parent_end = path.before;
    row->name_offset = path.last;
    row->path_end = path.fill;
    *arena_fill = path.fill;
    return path.flags;
}
