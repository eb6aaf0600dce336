"""The hashes of htree directories (fs/ext4/hash.c), over signed chars, in Python."""

from __future__ import annotations

from collections.abc import Callable

from pyext4.numbers import MAX_32

__all__ = ["HALF_MD4", "TEA", "hash_name"]

HALF_MD4 = 1  # s_def_hash_version
TEA = 2

_INITIAL = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476)
_K2 = 0x5A827999
_K3 = 0x6ED9EBA1
_TEA_DELTA = 0x9E3779B9


def _f(x: int, y: int, z: int) -> int:
    return z ^ (x & (y ^ z))


def _g(x: int, y: int, z: int) -> int:
    return (x & y) + ((x ^ y) & z)


def _h(x: int, y: int, z: int) -> int:
    return x ^ y ^ z


_Mix = Callable[[int, int, int], int]
# the function, the constant added, the order of input words, the rotations
_ROUNDS: tuple[tuple[_Mix, int, tuple[int, ...], tuple[int, ...]], ...] = (
    (_f, 0, (0, 1, 2, 3, 4, 5, 6, 7), (3, 7, 11, 19)),
    (_g, _K2, (1, 3, 5, 7, 0, 2, 4, 6), (3, 5, 9, 13)),
    (_h, _K3, (3, 7, 2, 6, 1, 5, 0, 4), (3, 9, 11, 15)),
)


def _half_md4(buf: tuple[int, ...], words: list[int]) -> tuple[int, ...]:
    a, b, c, d = buf
    for mix, constant, order, rotations in _ROUNDS:
        for step, word in enumerate(order):
            shift = rotations[step % 4]
            mixed = (a + mix(b, c, d) + words[word] + constant) & MAX_32
            rotated = (mixed << shift | mixed >> (32 - shift)) & MAX_32
            a, b, c, d = d, rotated, b, c
    return tuple((x + y) & MAX_32 for x, y in zip(buf, (a, b, c, d), strict=True))


def _tea(buf: tuple[int, ...], words: list[int]) -> tuple[int, ...]:
    b0, b1 = buf[:2]
    total = 0
    for _ in range(16):
        total = (total + _TEA_DELTA) & MAX_32
        b0 += ((b1 << 4) + words[0]) ^ (b1 + total) ^ ((b1 >> 5) + words[1])
        b0 &= MAX_32
        b1 += ((b0 << 4) + words[2]) ^ (b0 + total) ^ ((b0 >> 5) + words[3])
        b1 &= MAX_32
    return ((buf[0] + b0) & MAX_32, (buf[1] + b1) & MAX_32, *buf[2:])


def _spread(name: bytes, length: int, words: int) -> list[int]:
    """Spread up to 4 * `words` bytes over words; the rest is filled with the length."""
    pad = length & 0xFF
    pad |= length << 8
    pad |= pad << 16
    pad &= MAX_32
    out: list[int] = []
    value = pad
    for i, char in enumerate(name[: words * 4]):
        signed = char - 256 if char > 127 else char
        value = (signed + (value << 8)) & MAX_32
        if i % 4 == 3:
            out.append(value)
            value = pad
    if len(out) < words:
        out.append(value)
    return out + [pad] * (words - len(out))


def hash_name(name: bytes, version: int, seed: tuple[int, ...]) -> int:
    """Return `hash << 32 | minor hash` of a name, by s_def_hash_version and s_hash_seed."""
    buf = seed if any(seed) else _INITIAL
    step = 16 if version == TEA else 32
    for at in range(0, len(name), step):
        words = _spread(name[at : at + step], len(name) - at, step // 4)
        buf = _tea(buf, words) if version == TEA else _half_md4(buf, words)
    major, minor = (buf[0], buf[1]) if version == TEA else (buf[1], buf[2])
    major &= ~1
    if major == 0xFFFFFFFE:  # EXT4_HTREE_EOF_32BIT << 1 marks the end
        major = 0xFFFFFFFC
    return major << 32 | minor
