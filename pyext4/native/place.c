/* Bytes on their way into the image file: gather spans in a window, and make holes. */
#include "prelude.h"

#include <errno.h>
#include <fcntl.h>

/* Tell whether a span can continue here; it may replace the zeros after the one before. */
static int fits_on(const struct px_window *state, uint64_t image_offset, uint64_t span_end)
{
    uint64_t end = state->image_offset + state->filled;

    return image_offset <= end && image_offset + state->zeros >= end && span_end >= end;
}

/* Return how much of the rest of a span, up to `end`, fits into the window. */
static uint64_t next_piece(const struct px_window *state, uint64_t end, size_t capacity)
{
    uint64_t wanted = end > state->done ? end - state->done : 0;
    uint64_t room = capacity - state->filled;

    return wanted < room ? wanted : room;
}

int px_gather(uint8_t *window, size_t capacity, size_t block_size, struct px_window *state,
              const uint8_t *chunk, const struct px_span *spans, size_t count)
{
    while (state->span < count) {
        const struct px_span *span = &spans[state->span];
        uint64_t at = span->image_offset + state->done, total = (uint64_t)span->length + span->zeros;
        uint64_t piece;

        if (!state->filled)
            state->image_offset = at;
        else if (!fits_on(state, at, span->image_offset + total))
            return 1;
        state->filled = at - state->image_offset;
        piece = next_piece(state, span->length, capacity);
        memcpy(window + state->filled, chunk + span->chunk_offset + state->done, piece);
        state->filled += piece;
        state->done += piece;
        state->zeros = 0;
        if (state->done >= span->length) {
            state->zeros = next_piece(state, total, capacity);
            memset(window + state->filled, 0, state->zeros);
            state->filled += state->zeros;
            state->done += state->zeros;
        }
        if (state->done < total)
            return 1;
        state->span++;
        state->done = 0;
        if (state->image_offset % block_size)
            return 1; /* written alone, so that the next window begins with a block */
    }
    return 0;
}

int px_punch(int fd, uint64_t offset, uint64_t length)
{
    while (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset,
                     (off_t)length) < 0)
        if (errno != EINTR)
            return errno;
    return 0;
}
