/* CRC-32C as ext4 uses it: by the processor's instruction if it has one, otherwise by tables. */
#include "prelude.h"
#include "crc32c_table.h"

#if defined(__x86_64__)
#include <nmmintrin.h>

#if defined(__clang__)
/* clang counts the instruction apart from SSE 4.2, and the runtime that zig links does not fill what
 * __builtin_cpu_supports reads. CPUID leaf 1, ECX bit 20: SSE 4.2; asked once, because a virtual
 * machine's monitor answers it. */
#include <cpuid.h>
#define PX_TARGET "sse4.2,crc32"

static int found_instruction;

__attribute__((constructor)) static void find_instruction(void)
{
    unsigned a, b, c, d;

    found_instruction = __get_cpuid(1, &a, &b, &c, &d) && (c >> 20 & 1);
}

static int have_instruction(void)
{
    return found_instruction;
}
#else
#define PX_TARGET "sse4.2"

static int have_instruction(void)
{
    return __builtin_cpu_supports("sse4.2");
}
#endif

__attribute__((target(PX_TARGET))) static uint32_t by_instruction(uint32_t crc, const uint8_t *p,
                                                                  size_t n)
{
    uint64_t wide = crc, word;

    for (; n >= 8; n -= 8, p += 8) {
        memcpy(&word, p, 8);
        wide = _mm_crc32_u64(wide, word);
    }
    crc = (uint32_t)wide;
    for (; n; n--)
        crc = _mm_crc32_u8(crc, *p++);
    return crc;
}
#elif defined(__aarch64__) && defined(__linux__)
#include <arm_acle.h>
#include <sys/auxv.h>

#define PX_HWCAP_CRC32 (1UL << 7) /* asm/hwcap.h */

static int have_instruction(void)
{
    return (getauxval(AT_HWCAP) & PX_HWCAP_CRC32) != 0;
}

__attribute__((target("+crc"))) static uint32_t by_instruction(uint32_t crc, const uint8_t *p,
                                                               size_t n)
{
    uint64_t word;

    for (; n >= 8; n -= 8, p += 8) {
        memcpy(&word, p, 8);
        crc = __crc32cd(crc, word);
    }
    for (; n; n--)
        crc = __crc32cb(crc, *p++);
    return crc;
}
#else
static int have_instruction(void)
{
    return 0;
}

static uint32_t by_instruction(uint32_t crc, const uint8_t *p, size_t n)
{
    (void)p;
    (void)n;
    return crc;
}
#endif

static uint32_t by_tables(uint32_t crc, const uint8_t *p, size_t n)
{
    uint32_t low, high;

    for (; n >= 8; n -= 8, p += 8) {
        memcpy(&low, p, 4);
        memcpy(&high, p + 4, 4);
        low ^= crc;
        crc = crc32c_table[7][low & 0xff] ^ crc32c_table[6][low >> 8 & 0xff] ^
              crc32c_table[5][low >> 16 & 0xff] ^ crc32c_table[4][low >> 24] ^
              crc32c_table[3][high & 0xff] ^ crc32c_table[2][high >> 8 & 0xff] ^
              crc32c_table[1][high >> 16 & 0xff] ^ crc32c_table[0][high >> 24];
    }
    for (; n; n--)
        crc = crc >> 8 ^ crc32c_table[0][(crc ^ *p++) & 0xff];
    return crc;
}

uint32_t px_crc32c(uint32_t seed, const uint8_t *data, size_t length)
{
    return have_instruction() ? by_instruction(seed, data, length) : by_tables(seed, data, length);
}

uint32_t px_crc32c_tables(uint32_t seed, const uint8_t *data, size_t length)
{
    return by_tables(seed, data, length);
}

void px_crc32c_blocks(uint32_t seed, const uint8_t *data, size_t size, size_t count, uint32_t *out)
{
    for (size_t i = 0; i < count; i++)
        out[i] = px_crc32c(seed, data + i * size, size);
}
