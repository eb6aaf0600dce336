/* Read small files of the host, many with one call. */
#include "prelude.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

/* The directory of the last file, which is mostly also that of the next: this saves walking a long
 * path for each. */
struct folder {
    int fd;                 /* -1 for none */
    size_t length;          /* of the path, with its last slash */
    char path[PATH_MAX];
};

/* Returns the file's name relative to its folder, or the whole path if that is impossible. */
static const char *enter(struct folder *folder, const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) + 1 : 0;

    if (folder->fd >= 0 && folder->length == length && !memcmp(folder->path, path, length))
        return path + length;
    if (folder->fd >= 0)
        close(folder->fd);
    folder->fd = -1;
    if (!length || length >= sizeof folder->path)
        return path;
    memcpy(folder->path, path, length);
    folder->path[length] = 0;
    folder->length = length;
    folder->fd = open(folder->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return folder->fd < 0 ? path : path + length;
}

static int64_t read_file(int folder, const char *name, uint8_t *out, size_t size)
{
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
    int64_t total = 0;
    ssize_t count;

    if (fd < 0)
        return -errno;
    do {
        count = read(fd, out + total, size + 1 - (size_t)total);
        if (count > 0)
            total += count;
    } while (count > 0 ? (size_t)total < size : count < 0 && errno == EINTR);
    if (count < 0)
        total = -errno;
    close(fd);
    return total;
}

int64_t px_read_files(const uint8_t *paths, const uint32_t *sizes, size_t count, size_t stride,
                      uint8_t *out, int64_t *found)
{
    struct folder folder = {.fd = -1};
    int64_t bad = -1;

    for (size_t i = 0; i < count; i++) {
        const char *name = enter(&folder, (const char *)paths);

        *found = read_file(folder.fd < 0 ? AT_FDCWD : folder.fd, name, out, sizes[i]);
        if (*found != sizes[i]) {
            bad = (int64_t)i;
            break;
        }
        memset(out + sizes[i], 0, stride - sizes[i]);
        paths += strlen((const char *)paths) + 1;
        out += stride;
    }
    if (folder.fd >= 0)
        close(folder.fd);
    return bad;
}
