/* The hashes of htree directories (fs/ext4/hash.c), over signed chars. */
#include "prelude.h"

#define ROTATE(x, s) ((x) << (s) | (x) >> (32 - (s)))
#define F(x, y, z) ((z) ^ ((x) & ((y) ^ (z))))
#define G(x, y, z) (((x) & (y)) + (((x) ^ (y)) & (z)))
#define H(x, y, z) ((x) ^ (y) ^ (z))
#define ROUND(f, a, b, c, d, x, s) (a += f(b, c, d) + (x), a = ROTATE(a, s))
#define K2 0x5a827999u
#define K3 0x6ed9eba1u
#define TEA_DELTA 0x9e3779b9u

enum { HALF_MD4 = 1, TEA = 2 }; /* s_def_hash_version */

static void half_md4(uint32_t buf[4], const uint32_t in[8])
{
    uint32_t a = buf[0], b = buf[1], c = buf[2], d = buf[3];

    ROUND(F, a, b, c, d, in[0], 3);
    ROUND(F, d, a, b, c, in[1], 7);
    ROUND(F, c, d, a, b, in[2], 11);
    ROUND(F, b, c, d, a, in[3], 19);
    ROUND(F, a, b, c, d, in[4], 3);
    ROUND(F, d, a, b, c, in[5], 7);
    ROUND(F, c, d, a, b, in[6], 11);
    ROUND(F, b, c, d, a, in[7], 19);

    ROUND(G, a, b, c, d, in[1] + K2, 3);
    ROUND(G, d, a, b, c, in[3] + K2, 5);
    ROUND(G, c, d, a, b, in[5] + K2, 9);
    ROUND(G, b, c, d, a, in[7] + K2, 13);
    ROUND(G, a, b, c, d, in[0] + K2, 3);
    ROUND(G, d, a, b, c, in[2] + K2, 5);
    ROUND(G, c, d, a, b, in[4] + K2, 9);
    ROUND(G, b, c, d, a, in[6] + K2, 13);

    ROUND(H, a, b, c, d, in[3] + K3, 3);
    ROUND(H, d, a, b, c, in[7] + K3, 9);
    ROUND(H, c, d, a, b, in[2] + K3, 11);
    ROUND(H, b, c, d, a, in[6] + K3, 15);
    ROUND(H, a, b, c, d, in[1] + K3, 3);
    ROUND(H, d, a, b, c, in[5] + K3, 9);
    ROUND(H, c, d, a, b, in[0] + K3, 11);
    ROUND(H, b, c, d, a, in[4] + K3, 15);

    buf[0] += a;
    buf[1] += b;
    buf[2] += c;
    buf[3] += d;
}

static void tea(uint32_t buf[4], const uint32_t in[4])
{
    uint32_t sum = 0, b0 = buf[0], b1 = buf[1];

    for (int n = 16; n; n--) {
        sum += TEA_DELTA;
        b0 += ((b1 << 4) + in[0]) ^ (b1 + sum) ^ ((b1 >> 5) + in[1]);
        b1 += ((b0 << 4) + in[2]) ^ (b0 + sum) ^ ((b0 >> 5) + in[3]);
    }
    buf[0] += b0;
    buf[1] += b1;
}

/* Spread up to 4 * words bytes over words; the rest is filled with the length. */
static void spread(const uint8_t *name, size_t length, uint32_t *out, size_t words)
{
    uint32_t pad = (uint32_t)length | (uint32_t)length << 8, value;
    size_t filled = 0;

    pad |= pad << 16;
    value = pad;
    if (length > words * 4)
        length = words * 4;
    for (size_t i = 0; i < length; i++) {
        value = (uint32_t)(int32_t)(int8_t)name[i] + (value << 8);
        if (i % 4 == 3) {
            out[filled++] = value;
            value = pad;
        }
    }
    if (filled < words)
        out[filled++] = value;
    while (filled < words)
        out[filled++] = pad;
}

static uint64_t hash_name(const uint8_t *name, size_t length, int version, const uint32_t *seed)
{
    uint32_t buf[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476}, in[8], hash, minor;
    size_t step = version == TEA ? 16 : 32;

    if (seed[0] | seed[1] | seed[2] | seed[3])
        memcpy(buf, seed, sizeof buf);
    for (size_t done = 0; done < length; done += step) {
        spread(name + done, length - done, in, step / 4);
        if (version == TEA)
            tea(buf, in);
        else
            half_md4(buf, in);
    }
    hash = version == TEA ? buf[0] : buf[1];
    minor = version == TEA ? buf[1] : buf[2];
    hash &= ~1u;
    if (hash == 0xfffffffeu) /* EXT4_HTREE_EOF_32BIT << 1 marks the end */
        hash = 0xfffffffcu;
    return (uint64_t)hash << 32 | minor;
}

void px_hash_names(const struct px_names *names, int version, const uint32_t *seed, uint64_t *out)
{
    const uint8_t *name = names->bytes;

    for (uint64_t i = 0; i < names->count; i++) {
        out[i] = hash_name(name, names->lengths[i], version, seed);
        name += names->lengths[i];
    }
}
