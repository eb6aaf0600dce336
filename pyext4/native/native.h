/* The interface of the compiled backend. cffi reads this file too, so it has only declarations:
 * no preprocessor lines, fixed-width types, the kernel's names for what is on disk. */

/* One inode, as the plan knows it; px_inode_table turns rows into struct ext4_inode. */
struct px_inode_row {
    /* nanoseconds since 1901-12-13 20:45:52, the first second that ext4 has */
    uint64_t atime, ctime, mtime, crtime;
    uint64_t size_bytes;
    uint64_t sectors;       /* i_blocks: units of 512 bytes */
    uint64_t file_acl;      /* block of the xattrs, 0 for none */
    uint32_t ino, uid, gid, flags;
    uint32_t version;       /* l_i_version: an ea_inode's reference count */
    uint32_t xattr_offset;  /* of the in-inode xattrs, in the buffer that goes with the rows */
    uint16_t xattr_length;
    uint16_t mode, links, unused;
    uint8_t i_block[60];
    uint32_t unused2;
};

struct ext4_inode {
    uint16_t i_mode;
    uint16_t i_uid;
    uint32_t i_size_lo;
    uint32_t i_atime;
    uint32_t i_ctime;
    uint32_t i_mtime;
    uint32_t i_dtime;
    uint16_t i_gid;
    uint16_t i_links_count;
    uint32_t i_blocks_lo;
    uint32_t i_flags;
    uint32_t l_i_version;
    uint8_t i_block[60];
    uint32_t i_generation;
    uint32_t i_file_acl_lo;
    uint32_t i_size_high;
    uint32_t i_obso_faddr;
    uint16_t l_i_blocks_high;
    uint16_t l_i_file_acl_high;
    uint16_t l_i_uid_high;
    uint16_t l_i_gid_high;
    uint16_t l_i_checksum_lo;
    uint16_t l_i_reserved;
    uint16_t i_extra_isize;
    uint16_t i_checksum_hi;
    uint32_t i_ctime_extra;
    uint32_t i_mtime_extra;
    uint32_t i_atime_extra;
    uint32_t i_crtime;
    uint32_t i_crtime_extra;
    uint32_t i_version_hi;
    uint32_t i_projid;
};

struct ext4_dir_entry_2 {
    uint32_t inode;
    uint16_t rec_len;
    uint8_t name_len;
    uint8_t file_type;
};

struct ext4_dir_entry_tail {
    uint32_t det_reserved_zero1;
    uint16_t det_rec_len;
    uint8_t det_reserved_zero2;
    uint8_t det_reserved_ft;
    uint32_t det_checksum;
};

/* A directory without an index: its entries are the next `entries` of the name columns. */
struct px_directory_row {
    uint32_t ino, parent_ino;
    uint32_t entries;
    uint32_t blocks;
};

/* The columns that hold directory entries: names one after another without a separator. */
struct px_names {
    const uint8_t *bytes;
    const uint8_t *lengths;
    const uint32_t *inos;
    const uint8_t *types;
    uint64_t count;
};

/* A piece of a chunk and the byte of the image that it belongs to. */
struct px_span {
    uint64_t image_offset;
    uint64_t chunk_offset;
    uint32_t length;
    uint32_t zeros;         /* zero bytes to write after it, less than a block */
};

/* How far px_gather has come. */
struct px_window {
    uint64_t image_offset;  /* of the window's first byte */
    uint64_t filled;        /* bytes gathered */
    uint64_t zeros;         /* of those, zeros at the end that the next span may replace */
    uint64_t span, done;    /* the span to continue with, and bytes of it already gathered */
};

struct px_range {
    uint64_t first, count;
};

/* What a name in a directory of the host refers to. */
struct px_entry_row {
    int64_t mtime;          /* whole seconds since 1970, and nanoseconds */
    uint32_t mtime_ns;
    uint32_t mode;          /* with the type */
    uint32_t uid, gid;
    uint64_t size_bytes;
    uint32_t plain;         /* 1 for a regular file with one name and no xattrs */
    uint32_t has_xattrs;
    uint64_t dev, ino;
    uint64_t nlink;
    uint32_t rdev_major, rdev_minor;
};

/* How far px_scan_directories has come. */
struct px_scan {
    uint64_t directory;     /* to continue with */
    uint64_t offset;        /* of its path */
    uint64_t entries;       /* found by this call */
    uint64_t names_bytes;
    int32_t fd;             /* of the directory, -1 when it is not open */
    int32_t error;          /* an errno, for that directory or the name after the last entry's */
    uint32_t of_entry;
    uint32_t unused;
};

/* CRC-32C without the final inversion, continuing from seed, as ext4 uses it. */
uint32_t px_crc32c(uint32_t seed, const uint8_t *data, size_t length);

/* out[i] = the crc of block i; every block is `size` bytes. */
void px_crc32c_blocks(uint32_t seed, const uint8_t *data, size_t size, size_t count, uint32_t *out);

/* Set the bits of each range in a bitmap; the ranges must lie inside it. */
void px_bitmap_set(uint8_t *bitmap, const struct px_range *ranges, size_t count);

/* Fill `table`, which is zero and begins with first_ino. With checksums unless csum is 0.
 * Returns -1, or the row whose times ext4 can't hold. */
int64_t px_inode_table(uint8_t *table, size_t inode_size, uint32_t first_ino,
                       const struct px_inode_row *rows, size_t count, const uint8_t *xattrs,
                       int csum, uint32_t fs_seed);

/* major is s_def_hash_version: 1 half-MD4, 2 TEA. out[i] = hash << 32 | minor hash. */
void px_hash_names(const struct px_names *names, int version, const uint32_t *seed, uint64_t *out);

/* Fill the blocks of directories without an index, one after another, in out, which is zero.
 * Returns -1, or the row whose entries need more blocks than it says. */
int64_t px_linear_directories(uint8_t *out, size_t block_size, const struct px_directory_row *rows,
                              size_t count, const struct px_names *names, int csum,
                              uint32_t fs_seed);

/* Fill leaf blocks of one indexed directory in out, which is zero: leaf i holds the entries
 * order[starts[i]] .. order[starts[i + 1] - 1]. */
void px_index_leaves(uint8_t *out, size_t block_size, const uint32_t *order,
                     const uint32_t *starts, size_t leaves, const struct px_names *names,
                     const uint64_t *name_offsets, int csum, uint32_t fs_seed, uint32_t ino);

/* Gather spans of a chunk in a window, laid out as in the image, until one doesn't continue where
 * the window ends, or the window is full. Then returns 1: the caller writes the window and repeats
 * the call with an empty one. Returns 0 when all spans are gathered. */
int px_gather(uint8_t *window, size_t capacity, size_t block_size, struct px_window *state,
              const uint8_t *chunk, const struct px_span *spans, size_t count);

/* Read the entries of directories, whose paths are NUL-terminated, except . and .. ; each entry
 * gets a row and a NUL-terminated name, and entries[i] counts those of directory i in this call.
 * Returns 1 when rows or names are full: the caller takes them and repeats the call. Returns 0 at
 * the end or with an error. */
int px_scan_directories(struct px_scan *scan, const uint8_t *directories, size_t count,
                        struct px_entry_row *rows, size_t most, uint8_t *names, size_t room,
                        uint32_t *entries);

/* Read whole files of up to `stride` bytes, file i to i * stride of out, followed by zeros; out has
  * one byte more. names are NUL-terminated. Returns -1, or the first file whose size is wrong or
  * that can't be read: found is then the bytes it has (any larger number for one that is longer) or
  * a negative errno. */
int64_t px_read_files(const uint8_t *names, const uint32_t *sizes, size_t count, size_t stride,
                      uint8_t *out, int64_t *found);

/* Make a range of the file read as zero and give its blocks back. Returns 0 or an errno. */
int px_punch(int fd, uint64_t offset, uint64_t length);

/* Whether the processor has the instructions that px_block_digests uses. */
int px_sha256_available(void);

/* The SHA-256 of the salt and each block of size bytes, 64 or more; out has 32 bytes for each. */
void px_block_digests(const uint8_t *data, size_t size, size_t count, const uint8_t *salt,
                      size_t salt_size, uint8_t *out);
