/* Read directories of the host: each name with its status, many directories with one call. */
#include "prelude.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

/* getdents64(2); no header has it */
struct linux_dirent64 {
    uint64_t d_ino;
    int64_t d_off;
    uint16_t d_reclen;
    uint8_t d_type;
    char d_name[];
};

enum {
    READ_BYTES = 16 << 10,  /* with one call to the kernel */
    READ_ENTRIES = READ_BYTES / 24 /* at most: 19 bytes and a name with NUL, in units of 8 */
};

/* The directory being read. */
struct place {
    int fd;
    size_t length;          /* of its path, with a slash at the end */
    char path[PATH_MAX + 1]; /* and after it an entry's name */
};

static int set_path(struct place *place, const char *directory)
{
    place->length = strlen(directory);
    if (place->length >= PATH_MAX)
        return ENAMETOOLONG;
    memcpy(place->path, directory, place->length);
    if (place->length && place->path[place->length - 1] != '/')
        place->path[place->length++] = '/';
    return 0;
}

static int look_at(struct place *place, const char *name, size_t size, struct px_entry_row *row)
{
    struct stat found;
    ssize_t xattrs;

    if (place->length + size > PATH_MAX)
        return ENAMETOOLONG;
    if (fstatat(place->fd, name, &found, AT_SYMLINK_NOFOLLOW) < 0)
        return errno;
    /* by its path, because only Linux 6.13 brought listxattrat */
    memcpy(place->path + place->length, name, size);
    xattrs = llistxattr(place->path, NULL, 0);
    if (xattrs < 0)
        return errno;
    row->mtime = found.st_mtim.tv_sec;
    row->mtime_ns = (uint32_t)found.st_mtim.tv_nsec;
    row->mode = found.st_mode;
    row->uid = found.st_uid;
    row->gid = found.st_gid;
    row->size_bytes = (uint64_t)found.st_size;
    row->dev = found.st_dev;
    row->ino = found.st_ino;
    row->nlink = found.st_nlink;
    row->rdev_major = major(found.st_rdev);
    row->rdev_minor = minor(found.st_rdev);
    row->has_xattrs = xattrs > 0;
    row->plain = S_ISREG(found.st_mode) && found.st_nlink == 1 && !xattrs;
    return 0;
}

/* Returns 1 at the directory's end, 0 when there may be more, or a negative errno. */
static int read_entries(struct px_scan *scan, struct place *place, struct px_entry_row *rows,
                        uint8_t *names)
{
    _Alignas(8) char data[READ_BYTES];
    long length = syscall(SYS_getdents64, place->fd, data, sizeof data);

    if (length <= 0)
        return length < 0 ? -errno : 1;
    for (long at = 0; at < length;) {
        const struct linux_dirent64 *entry = (const struct linux_dirent64 *)(data + at);
        const char *name = entry->d_name;
        size_t size = strlen(name) + 1;
        int error;

        at += entry->d_reclen;
        if (!strcmp(name, ".") || !strcmp(name, ".."))
            continue;
        memcpy(names + scan->names_bytes, name, size);
        scan->names_bytes += size;
        error = look_at(place, name, size, rows + scan->entries);
        if (error) {
            scan->of_entry = 1;
            return -error;
        }
        scan->entries++;
    }
    return 0;
}

int px_scan_directories(struct px_scan *scan, const uint8_t *directories, size_t count,
                        struct px_entry_row *rows, size_t most, uint8_t *names, size_t room,
                        uint32_t *entries)
{
    struct place place;

    scan->entries = scan->names_bytes = 0;
    while (scan->directory < count) {
        const char *directory = (const char *)directories + scan->offset;
        int done = -set_path(&place, directory);

        if (!done && scan->fd < 0) {
            scan->fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
            done = scan->fd < 0 ? -errno : 0;
        }
        place.fd = scan->fd;
        while (!done) {
            uint64_t before = scan->entries;

            if (most - before < READ_ENTRIES || room - scan->names_bytes < READ_BYTES)
                return 1;
            done = read_entries(scan, &place, rows, names);
            entries[scan->directory] += (uint32_t)(scan->entries - before);
        }
        if (scan->fd >= 0)
            close(scan->fd);
        scan->fd = -1;
        if (done < 0) {
            scan->error = -done;
            return 0;
        }
        scan->directory++;
        scan->offset += strlen(directory) + 1;
    }
    return 0;
}
