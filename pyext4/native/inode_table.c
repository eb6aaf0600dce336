/* Inode tables from rows: Documentation/filesystems/ext4/inodes.rst. */
#include "prelude.h"

#define NS_PER_SECOND 1000000000ULL
#define SECOND_BITS 34 /* to 2446 */

/* Seconds since 1970 in 32 signed bits; extra has two more, then 30 bits of nanoseconds. */
static int put_time(uint64_t since_first, uint32_t *seconds, uint32_t *extra)
{
    uint64_t whole = since_first / NS_PER_SECOND;

    *seconds = (uint32_t)whole - 0x80000000u;
    *extra = (uint32_t)(whole >> 32) | (uint32_t)(since_first % NS_PER_SECOND) << 2;
    return !(whole >> SECOND_BITS);
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
    return put_time(row->atime, &inode->i_atime, &inode->i_atime_extra) &&
           put_time(row->ctime, &inode->i_ctime, &inode->i_ctime_extra) &&
           put_time(row->mtime, &inode->i_mtime, &inode->i_mtime_extra) &&
           put_time(row->crtime, &inode->i_crtime, &inode->i_crtime_extra);
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
