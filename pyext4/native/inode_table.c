/* Inode tables from rows: Documentation/filesystems/ext4/inodes.rst. */
#include "prelude.h"

#define NS_PER_SECOND 1000000000LL
#define FIRST_SECOND (-0x80000000LL)          /* 1901 */
#define LAST_SECOND (0x400000000LL + FIRST_SECOND - 1) /* 2446: two epoch bits above 32 */

/* Seconds in 32 bits; in extra two epoch bits, then 30 bits of nanoseconds. */
static int put_time(int64_t time_ns, uint32_t *seconds, uint32_t *extra)
{
    int64_t whole = time_ns / NS_PER_SECOND, rest = time_ns % NS_PER_SECOND;

    if (rest < 0) {
        rest += NS_PER_SECOND;
        whole--;
    }
    if (whole < FIRST_SECOND || whole > LAST_SECOND)
        return 0;
    *seconds = (uint32_t)whole;
    *extra = (uint32_t)((whole - (int32_t)(uint32_t)whole) >> 32 & 3) | (uint32_t)rest << 2;
    return 1;
}

static int put_inode(struct ext4_inode *inode, const struct px_inode_row *row)
{
    inode->i_mode = row->mode;
    inode->i_uid = (uint16_t)row->uid;
    inode->i_size_lo = (uint32_t)row->size_bytes;
    inode->i_gid = (uint16_t)row->gid;
    inode->i_links_count = row->links;
    inode->i_blocks_lo = (uint32_t)row->sectors;
    inode->i_flags = row->flags;
    inode->l_i_version = row->version;
    memcpy(inode->i_block, row->i_block, sizeof inode->i_block);
    inode->i_file_acl_lo = (uint32_t)row->file_acl;
    inode->i_size_high = (uint32_t)(row->size_bytes >> 32);
    inode->l_i_blocks_high = (uint16_t)(row->sectors >> 32);
    inode->l_i_file_acl_high = (uint16_t)(row->file_acl >> 32);
    inode->l_i_uid_high = (uint16_t)(row->uid >> 16);
    inode->l_i_gid_high = (uint16_t)(row->gid >> 16);
    inode->i_extra_isize = (uint16_t)(sizeof *inode - 128);
    return put_time(row->atime_ns, &inode->i_atime, &inode->i_atime_extra) &&
           put_time(row->ctime_ns, &inode->i_ctime, &inode->i_ctime_extra) &&
           put_time(row->mtime_ns, &inode->i_mtime, &inode->i_mtime_extra) &&
           put_time(row->crtime_ns, &inode->i_crtime, &inode->i_crtime_extra);
}

int64_t px_inode_table(uint8_t *table, size_t inode_size, uint32_t first_ino,
                       const struct px_inode_row *rows, size_t count, const uint8_t *xattrs,
                       int csum, uint32_t fs_seed)
{
    for (size_t i = 0; i < count; i++) {
        const struct px_inode_row *row = &rows[i];
        uint8_t *place = table + (size_t)(row->ino - first_ino) * inode_size;
        struct ext4_inode *inode = (struct ext4_inode *)place;

        if (!put_inode(inode, row))
            return (int64_t)i;
        memcpy(place + sizeof *inode, xattrs + row->xattr_offset, row->xattr_length);
        if (csum) {
            uint32_t crc = px_crc32c(px_inode_seed(fs_seed, row->ino), place, inode_size);

            inode->l_i_checksum_lo = (uint16_t)crc;
            inode->i_checksum_hi = (uint16_t)(crc >> 16);
        }
    }
    return -1;
}
