/* Small files of the host, many with one call. */
#include "prelude.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static int64_t read_file(const char *name, uint8_t *out, size_t size)
{
    int fd = open(name, O_RDONLY | O_CLOEXEC);
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

void px_read_files(const uint8_t *names, const uint32_t *sizes, size_t count, uint8_t *out,
                   int64_t *found)
{
    for (size_t i = 0; i < count; i++) {
        found[i] = read_file((const char *)names, out, sizes[i]);
        names += strlen((const char *)names) + 1;
        out += sizes[i];
    }
}
