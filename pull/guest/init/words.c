#include "text.h"

bool equal(const char *a, const char *b) {
    while (*a && *a == *b) a++, b++;
    return *a == *b;
}

bool starts_with(const char *text, const char *beginning) {
    while (*beginning)
        if (*text++ != *beginning++) return false;
    return true;
}

char *decimal(uint64_t number, char space[DECIMAL_SPACE]) {
    char *first = space + DECIMAL_SPACE - 1;
    *first = 0;
    do *--first = (char)('0' + number % 10);
    while (number /= 10);
    return first;
}
