/* The few string functions of a C library that are used here. */
#ifndef PYEXT4_GUEST_TEXT_H
#define PYEXT4_GUEST_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* the compiler calls these by itself */
void *memcpy(void *restrict to, const void *restrict from, size_t length);
void *memmove(void *to, const void *from, size_t length);
void *memset(void *to, int byte, size_t length);
int memcmp(const void *a, const void *b, size_t length);
size_t strlen(const char *text);

bool equal(const char *a, const char *b);
bool starts_with(const char *text, const char *beginning);

/* Write `number` in decimal to the end of `space` and return where it begins. */
enum { DECIMAL_SPACE = 21 };
char *decimal(uint64_t number, char space[DECIMAL_SPACE]);

#endif
