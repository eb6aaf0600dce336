"""The hashes of indexed directories: legacy, half-MD4 and TEA, over signed or unsigned bytes.

Specification: fs/ext4/hash.c of the kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, TypeAlias

from pyext4.numbers import MAX_32
from pyext4.ondisk import dir_entry

__all__ = ["HashFunction", "hash_function"]

HashFunction: TypeAlias = Callable[[bytes], int]

_NO_SEED: Final = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476)

# half-MD4: the word that each of a round's eight steps takes, the rotations of the four kinds of
# step, and the constant added
_ROUNDS: Final = (
    ((0, 1, 2, 3, 4, 5, 6, 7), (3, 7, 11, 19), 0),
    ((1, 3, 5, 7, 0, 2, 4, 6), (3, 5, 9, 13), 0x5A827999),
    ((3, 7, 2, 6, 1, 5, 0, 4), (3, 9, 11, 15), 0x6ED9EBA1),
)
_TEA_DELTA: Final = 0x9E3779B9


def hash_function(version: int, seed: Sequence[int], *, unsigned: bool) -> HashFunction | None:
    """Return the hash function for a directory whose root says `version`, None for an unknown one.

    `seed` is s_hash_seed as four integers; all zero means the standard seed.
    """
    # a directory says legacy, half-MD4 or TEA; the superblock says whether bytes are signed, but a
    # root that says it itself is valid too
    if version >= dir_entry.DX_HASH_LEGACY_UNSIGNED:
        version -= dir_entry.DX_HASH_LEGACY_UNSIGNED
        unsigned = True
    start = tuple(seed) if any(seed) else _NO_SEED
    functions: dict[int, HashFunction] = {
        dir_entry.DX_HASH_LEGACY: partial(_legacy, unsigned=unsigned),
        dir_entry.DX_HASH_HALF_MD4: partial(_half_md4, start, unsigned=unsigned),
        dir_entry.DX_HASH_TEA: partial(_tea, start, unsigned=unsigned),
    }
    return functions.get(version)


def _finish(value: int) -> int:
    """Clear the lowest bit, which has another meaning, and avoid the end mark."""
    value &= ~1
    end = dir_entry.EXT4_HTREE_EOF_32BIT << 1
    return end - 2 if value == end else value


def _legacy(name: bytes, *, unsigned: bool) -> int:
    before, last = 0x37ABE8F9, 0x12A3FE2D
    for byte in _numbers(name, unsigned=unsigned):
        value = (before + (last ^ byte * 7152373)) & MAX_32
        if value & 0x80000000:
            value = (value - 0x7FFFFFFF) & MAX_32
        before, last = last, value
    return _finish(last << 1 & MAX_32)


def _half_md4(seed: tuple[int, ...], name: bytes, *, unsigned: bool) -> int:
    state = list(seed)
    for at in range(0, len(name), 32):
        words = _words(name, at, 8, unsigned=unsigned)
        mixed = _half_md4_rounds(state, words)
        state = [(old + new) & MAX_32 for old, new in zip(state, mixed, strict=True)]
    return _finish(state[1])


def _half_md4_rounds(state: Sequence[int], words: Sequence[int]) -> list[int]:
    a, b, c, d = state
    for number, (order, shifts, constant) in enumerate(_ROUNDS):
        for step, index in enumerate(order):
            if number == 0:
                mixed = d ^ (b & (c ^ d))
            elif number == 1:
                mixed = (b & c) + ((b ^ c) & d)
            else:
                mixed = b ^ c ^ d
            value = (a + mixed + words[index] + constant) & MAX_32
            shift = shifts[step % 4]
            # the next step takes the four rotated by one
            a, b, c, d = d, (value << shift | value >> (32 - shift)) & MAX_32, b, c
    return [a, b, c, d]


def _tea(seed: tuple[int, ...], name: bytes, *, unsigned: bool) -> int:
    high, low = seed[0], seed[1]
    for at in range(0, len(name), 16):
        a, b, c, d = _words(name, at, 4, unsigned=unsigned)
        left, right, total = high, low, 0
        for _ in range(16):
            total = (total + _TEA_DELTA) & MAX_32
            left += ((right << 4) + a) ^ (right + total) ^ ((right >> 5) + b)
            left &= MAX_32
            right += ((left << 4) + c) ^ (left + total) ^ ((left >> 5) + d)
            right &= MAX_32
        high, low = (high + left) & MAX_32, (low + right) & MAX_32
    return _finish(high)


def _words(name: bytes, at: int, count: int, *, unsigned: bool) -> list[int]:
    """Spread the bytes from `at` over `count` words, padded with the remaining length."""
    left = len(name) - at
    fill = (left & 0xFF) * 0x01010101
    words = []
    piece = name[at : at + 4 * count]
    for start in range(0, len(piece), 4):
        value = fill
        for byte in _numbers(piece[start : start + 4], unsigned=unsigned):
            value = (byte + (value << 8)) & MAX_32
        words.append(value)
    return words + [fill] * (count - len(words))


def _numbers(name: bytes, *, unsigned: bool) -> Sequence[int]:
    return name if unsigned else [byte - 256 if byte > 127 else byte for byte in name]
