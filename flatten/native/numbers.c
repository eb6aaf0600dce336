/* Numbers in tar headers and PAX records. POSIX.1-2017 pax; GNU tar manual, "Base-256". */
#include "scan.h"

/* Octal text, or big-endian two's complement after a byte of 0x80 (or 0xff for negatives). */
int flatten_field(const uint8_t *field, uint32_t length, int64_t *value)
{
    uint32_t i = 0;
    uint64_t sum = 0;

    if (field[0] & 0x80) {
        int negative = (field[0] & 0x40) != 0;
        uint64_t flip = negative ? 0xff : 0;
        for (i = 0; i < length; i++) {
            uint64_t byte = field[i];
            if (i == 0)
                byte = negative ? byte : (byte & 0x7f);
            byte ^= flip;
            if (sum >> 55) /* the next shift would reach the sign bit */
                return 0;
            sum = sum << 8 | byte;
        }
        *value = negative ? -1 - (int64_t)sum : (int64_t)sum;
        return 1;
    }
    while (i < length && (field[i] == ' ' || field[i] == 0))
        i++;
    while (i < length && field[i] >= '0' && field[i] <= '7') {
        if (sum >> 60)
            return 0;
        sum = sum << 3 | (uint64_t)(field[i++] - '0');
    }
    if (i < length && field[i] != ' ' && field[i] != 0)
        return 0;
    *value = (int64_t)sum;
    return 1;
}

int flatten_decimal(const uint8_t *text, uint32_t length, uint64_t *value)
{
    uint64_t sum = 0;

    if (length == 0)
        return 0;
    while (length > 1 && *text == '0') { /* may pad a number to any length */
        text++;
        length--;
    }
    if (length > 18) /* 18 digits always fit, and name more than any disk holds */
        return 0;
    for (uint32_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return 0;
        sum = sum * 10 + (uint64_t)(text[i] - '0');
    }
    *value = sum;
    return 1;
}

/* [-]seconds[.fraction]; digits beyond nanoseconds are cut off. nanoseconds is never negative. */
int flatten_time(const uint8_t *text, uint32_t length, int64_t *seconds, uint32_t *nanoseconds)
{
    int negative = length > 0 && text[0] == '-';
    uint32_t point = (uint32_t)negative;
    uint64_t whole;
    uint32_t fraction = 0, scale = 100000000u;

    while (point < length && text[point] != '.')
        point++;
    if (!flatten_decimal(text + negative, point - (uint32_t)negative, &whole))
        return 0;
    for (uint32_t i = point + 1; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return 0;
        fraction += (uint32_t)(text[i] - '0') * scale;
        scale /= 10;
    }
    if (!negative) {
        *seconds = (int64_t)whole;
        *nanoseconds = fraction;
    } else if (fraction == 0) {
        *seconds = -(int64_t)whole;
        *nanoseconds = 0;
    } else {
        *seconds = -(int64_t)whole - 1;
        *nanoseconds = 1000000000u - fraction;
    }
    return 1;
}
