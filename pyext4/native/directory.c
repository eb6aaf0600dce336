/* Directory blocks: Documentation/filesystems/ext4/directory.rst. */
#include "prelude.h"

#define FT_DIR 2              /* EXT4_FT_DIR */
#define FT_DIR_CSUM 0xde      /* EXT4_FT_DIR_CSUM */
#define HEAD sizeof(struct ext4_dir_entry_2)
#define TAIL sizeof(struct ext4_dir_entry_tail)

/* A block being filled; closing it extends the last entry to the end. */
struct cursor {
    uint8_t *block;
    size_t used, last, capacity;
};

static size_t record_length(size_t name_length)
{
    return (HEAD + name_length + 3) / 4 * 4;
}

static int add(struct cursor *at, uint32_t ino, const uint8_t *name, size_t length, uint8_t type)
{
    size_t record = record_length(length);
    struct ext4_dir_entry_2 *entry = (struct ext4_dir_entry_2 *)(at->block + at->used);

    if (at->used + record > at->capacity)
        return 0;
    entry->inode = ino;
    entry->rec_len = (uint16_t)record;
    entry->name_len = (uint8_t)length;
    entry->file_type = type;
    memcpy(at->block + at->used + HEAD, name, length);
    at->last = at->used;
    at->used += record;
    return 1;
}

static void close_block(struct cursor *at, int csum, uint32_t seed)
{
    struct ext4_dir_entry_2 *last = (struct ext4_dir_entry_2 *)(at->block + at->last);

    last->rec_len = (uint16_t)(at->capacity - at->last); /* an empty block is one unused entry */
    if (csum) {
        struct ext4_dir_entry_tail *tail =
            (struct ext4_dir_entry_tail *)(at->block + at->capacity);

        tail->det_rec_len = TAIL;
        tail->det_reserved_ft = FT_DIR_CSUM;
        tail->det_checksum = px_crc32c(seed, at->block, at->capacity);
    }
}

static struct cursor open_block(uint8_t *block, size_t block_size, int csum)
{
    struct cursor at = {block, 0, 0, block_size - (csum ? TAIL : 0)};

    return at;
}

int64_t px_linear_directories(uint8_t *out, size_t block_size, const struct px_directory_row *rows,
                              size_t count, const struct px_names *names, int csum,
                              uint32_t fs_seed)
{
    const uint8_t *name = names->bytes;
    uint64_t next = 0;

    for (size_t i = 0; i < count; i++) {
        uint32_t seed = px_inode_seed(fs_seed, rows[i].ino);
        uint32_t block = 0;
        struct cursor at = open_block(out, block_size, csum);

        add(&at, rows[i].ino, (const uint8_t *)".", 1, FT_DIR);
        add(&at, rows[i].parent_ino, (const uint8_t *)"..", 2, FT_DIR);
        for (uint64_t end = next + rows[i].entries; next < end; next++) {
            size_t length = names->lengths[next];

            if (!add(&at, names->inos[next], name, length, names->types[next])) {
                close_block(&at, csum, seed);
                if (++block == rows[i].blocks)
                    return (int64_t)i;
                at = open_block(out + block * block_size, block_size, csum);
                add(&at, names->inos[next], name, length, names->types[next]);
            }
            name += length;
        }
        for (;;) {
            close_block(&at, csum, seed);
            if (++block >= rows[i].blocks)
                break;
            at = open_block(out + block * block_size, block_size, csum);
        }
        out += rows[i].blocks * block_size;
    }
    return -1;
}

void px_index_leaves(uint8_t *out, size_t block_size, const uint32_t *order,
                     const uint32_t *starts, size_t leaves, const struct px_names *names,
                     const uint64_t *name_offsets, int csum, uint32_t fs_seed, uint32_t ino)
{
    uint32_t seed = px_inode_seed(fs_seed, ino);

    for (size_t leaf = 0; leaf < leaves; leaf++) {
        struct cursor at = open_block(out + leaf * block_size, block_size, csum);

        for (uint32_t i = starts[leaf]; i < starts[leaf + 1]; i++) {
            uint32_t n = order[i];

            add(&at, names->inos[n], names->bytes + name_offsets[n], names->lengths[n],
                names->types[n]);
        }
        close_block(&at, csum, seed);
    }
}
