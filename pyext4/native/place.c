/* Getting bytes into the image file: many spans with few calls, and holes. */
#include "prelude.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/uio.h>

#define BATCH 1024 /* IOV_MAX on Linux */

static const uint8_t zeros[4096];

/* Write all of a vector; moves over what a short write has done. */
static int write_all(int fd, struct iovec *vector, int count, uint64_t offset)
{
    while (count) {
        ssize_t done = pwritev(fd, vector, count, (off_t)offset);

        if (done < 0) {
            if (errno == EINTR)
                continue;
            return errno;
        }
        if (done == 0)
            return EIO;
        offset += (uint64_t)done;
        while (count && (size_t)done >= vector->iov_len) {
            done -= (ssize_t)vector->iov_len;
            vector++;
            count--;
        }
        if (count) {
            vector->iov_base = (uint8_t *)vector->iov_base + done;
            vector->iov_len -= (size_t)done;
        }
    }
    return 0;
}

int px_place(int fd, const uint8_t *chunk, const struct px_span *spans, size_t count)
{
    struct iovec vector[BATCH];
    int filled = 0, error;
    uint64_t start = 0, end = 0;

    for (size_t i = 0; i < count; i++) {
        if (filled && (spans[i].image_offset != end || filled > BATCH - 2)) {
            if ((error = write_all(fd, vector, filled, start)))
                return error;
            filled = 0;
        }
        if (!filled)
            start = end = spans[i].image_offset;
        vector[filled].iov_base = (void *)(chunk + spans[i].chunk_offset);
        vector[filled++].iov_len = spans[i].length;
        if (spans[i].zeros) {
            vector[filled].iov_base = (void *)zeros;
            vector[filled++].iov_len = spans[i].zeros;
        }
        end += (uint64_t)spans[i].length + spans[i].zeros;
    }
    return filled ? write_all(fd, vector, filled, start) : 0;
}

int px_punch(int fd, uint64_t offset, uint64_t length)
{
    while (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset,
                     (off_t)length) < 0)
        if (errno != EINTR)
            return errno;
    return 0;
}
