#include "text.h"

/* Built with -fno-tree-loop-distribute-patterns or -fno-builtin: otherwise the compiler recognises
 * these loops and turns them into calls to themselves. */

void *memcpy(void *restrict to, const void *restrict from, size_t length) {
    unsigned char *target = to;
    const unsigned char *source = from;
    while (length--) *target++ = *source++;
    return to;
}

void *memmove(void *to, const void *from, size_t length) {
    unsigned char *target = to;
    const unsigned char *source = from;
    if ((uintptr_t)to <= (uintptr_t)from) {
        while (length--) *target++ = *source++;
    } else {
        while (length--) target[length] = source[length];
    }
    return to;
}

void *memset(void *to, int byte, size_t length) {
    unsigned char *target = to;
    while (length--) *target++ = (unsigned char)byte;
    return to;
}

int memcmp(const void *a, const void *b, size_t length) {
    const unsigned char *left = a, *right = b;
    for (; length--; left++, right++)
        if (*left != *right) return *left < *right ? -1 : 1;
    return 0;
}

size_t strlen(const char *text) {
    size_t length = 0;
    while (text[length]) length++;
    return length;
}
