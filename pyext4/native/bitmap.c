/* Ranges of bits in block and inode bitmaps: bit n is bit n % 8 of byte n / 8. */
#include "prelude.h"

static void set_range(uint8_t *bitmap, uint64_t first, uint64_t count)
{
    uint64_t end = first + count;

    for (; first < end && first % 8; first++)
        bitmap[first / 8] |= (uint8_t)(1u << first % 8);
    memset(bitmap + first / 8, 0xff, (size_t)(end / 8 - first / 8));
    if (first < end / 8 * 8)
        first = end / 8 * 8;
    for (; first < end; first++)
        bitmap[first / 8] |= (uint8_t)(1u << first % 8);
}

void px_bitmap_set(uint8_t *bitmap, const struct px_range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (ranges[i].count)
            set_range(bitmap, ranges[i].first, ranges[i].count);
}
