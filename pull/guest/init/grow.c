#include "guest.h"

/* struct ext4_super_block of fs/ext4/ext4.h, by byte */
enum {
    SUPERBLOCK = 1024,
    S_BLOCKS_COUNT_LO = 0x4,
    S_LOG_BLOCK_SIZE = 0x18,
    S_MAGIC = 0x38,
    S_BLOCKS_COUNT_HI = 0x150,
    EXT4_MAGIC = 0xef53,
};

/* Open the disk that the directory is on. Its name in /dev is unknown, so we make one. */
static long open_device(int directory) {
    static const char name[] = "/dev/.pyext4-root";
    struct statx found;
    long result = sys(statx, directory, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &found);
    if (result < 0) return result;
    uint32_t minor = found.stx_dev_minor; /* new_encode_dev of linux/kdev_t.h */
    uint32_t device = (minor & 0xff) | found.stx_dev_major << 8 | (minor & ~0xffu) << 12;
    result = sys(mknodat, AT_FDCWD, name, S_IFBLK | 0600, device);
    if (result < 0) return result;
    long fd = sys(openat, AT_FDCWD, name, O_RDONLY | O_CLOEXEC);
    sys(unlinkat, AT_FDCWD, name, 0);
    return fd;
}

static uint64_t little_endian(const unsigned char *bytes, size_t length) {
    uint64_t value = 0;
    while (length--) value = value << 8 | bytes[length];
    return value;
}

static long grow(int directory) {
    unsigned char superblock[1024];
    uint64_t bytes = 0;
    long device = open_device(directory);
    if (device < 0) return device;
    long result = sys(ioctl, device, BLKGETSIZE64, &bytes);
    if (result == 0) result = sys(pread64, device, superblock, sizeof superblock, SUPERBLOCK);
    sys(close, device);
    if (result < 0) return result;
    if (result != sizeof superblock) return -EIO;
    if (little_endian(superblock + S_MAGIC, 2) != EXT4_MAGIC) return -EOPNOTSUPP;
    uint64_t log_block_size = little_endian(superblock + S_LOG_BLOCK_SIZE, 4);
    uint64_t now = little_endian(superblock + S_BLOCKS_COUNT_LO, 4) |
                   little_endian(superblock + S_BLOCKS_COUNT_HI, 4) << 32;
    if (log_block_size > 6) return -EOPNOTSUPP; /* EXT4_MAX_BLOCK_LOG_SIZE: 64 KiB */
    uint64_t wanted = bytes >> (10 + log_block_size);
    if (wanted <= now) return 0;
    return sys(ioctl, directory, EXT4_IOC_RESIZE_FS, &wanted);
}

void grow_root(void) {
    bool of_disk = overlay_disk() >= 0;
    long root = of_disk ? overlay_disk()
                        : sys(openat, AT_FDCWD, "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    long result = root < 0 ? root : grow((int)root);
    if (result == -EROFS)
        say("can't grow the root: it is mounted read-only; rw on the kernel command line helps");
    else if (result < 0)
        say("can't grow the ", of_disk ? "overlay's disk" : "root", ": ", reason(result));
    if (!of_disk && root >= 0) sys(close, root);
}
