"""Any bytes as a layer: a tree or one of our errors, and the same on both backends.

FLATTEN_FUZZ_SECONDS sets how long; FLATTEN_FUZZ_SEED repeats a failed run.
"""

from __future__ import annotations

import gzip
import os
import random
import time
from collections.abc import Callable, Sequence

import pytest

import flatten as flatten_package
from flatten import FlattenError, Limits, flatten
from flatten.native import BACKEND
from flatten.stream.chunks import ChunkPipeline
from flatten.tar.rows import Scanner
from tests.flatten.blobs import zstd_frames
from tests.flatten.ledger import Ledger
from tests.flatten.native.scans import SCANNERS
from tests.flatten.outputs.listings import listing
from tests.flatten.tars import MemoryLayer
from tests.flatten.test_cases import CASES

# Both backends take part in every run, so a second one, with the pure backend chosen, can be short
LONG = os.environ.get("CI") == "true" and BACKEND == "native"
SECONDS = float(os.environ.get("FLATTEN_FUZZ_SECONDS", "60" if LONG else "8"))
SMALL = Limits(file_bytes=1 << 20, header_bytes=1 << 16, entries=1000, depth=64)
ODD_FIELDS = (
    b"\x80" + bytes(7),
    b"\x80\0\0\0\0\0\0\0\xff\xff\xff\xff",
    b"\xff" * 12,
    b"77777777777\0",
    b"00000001000\0",
    b"-1\0",
    b" \0",
    b"../../../x\0",
    b".wh.a\0",
    b"a/b\0",
)
FIELD_OFFSETS = (0, 100, 108, 116, 124, 136, 157, 257, 329, 337, 345, 386, 398, 476, 482, 483)
TYPES = b"0\x001234567xgLKSVDMNAXZ"

Outcome = dict[str, str] | str


def contents() -> list[bytes]:
    found = []
    for case in CASES:
        for layer in case.layers[:2]:
            content = b""
            try:
                with ChunkPipeline([layer]) as pipeline:
                    content = b"".join(bytes(chunk.data) for chunk in pipeline.chunks(0))
            except FlattenError:
                continue
            if 0 < len(content) < 200_000:
                found.append(content)
    return found


def mutated(rng: random.Random, content: bytes) -> bytes:
    """Change blocks as an attacker would: with right checksums most of the time."""
    blocks = [bytearray(content[at : at + 512]) for at in range(0, len(content), 512)]
    for _ in range(rng.choice((1, 1, 2, 4))):
        index = rng.randrange(len(blocks))
        block = blocks[index]
        match rng.randrange(7):
            case 0:
                block[rng.randrange(len(block))] = rng.randrange(256)
            case 1 if len(block) == 512:
                at, text = rng.choice(FIELD_OFFSETS), rng.choice(ODD_FIELDS)
                block[at : at + len(text)] = text
            case 2 if len(block) == 512:
                block[156] = rng.choice(TYPES)
            case 3:
                blocks.insert(index, bytearray(rng.choice(blocks)))
            case 4:
                del blocks[index]
                blocks = blocks or [bytearray(512)]
            case 5:
                at = rng.randrange(len(block))
                block[at : at + rng.randrange(9)] = rng.randbytes(rng.randrange(1, 9))
            case _:
                digits = [at for at, byte in enumerate(block) if 48 <= byte <= 57]
                if digits:
                    block[rng.choice(digits)] = rng.randrange(48, 58)
        if rng.random() < 0.9 and len(block) >= 512:
            block[148:156] = b"        "
            block[148:156] = b"%06o\0 " % sum(block[:512])
    made = b"".join(blocks)
    return made[: rng.randrange(len(made) + 1)] if rng.random() < 0.1 else made


def framed(rng: random.Random, content: bytes) -> bytes:
    blob = rng.choice((content, gzip.compress(content, 1), zstd_frames(content, 1 << 16)))
    if rng.random() < 0.1 and blob:
        broken = bytearray(blob)
        broken[rng.randrange(len(broken))] ^= 1 << rng.randrange(8)
        return bytes(broken)
    return blob


def outcome(layers: Sequence[MemoryLayer]) -> Outcome:
    try:
        return listing(flatten(layers, into=Ledger(), limits=SMALL))
    except FlattenError as error:
        return f"{type(error).__name__}: {error}"


def outcomes(layers: Sequence[MemoryLayer], monkeypatch: pytest.MonkeyPatch) -> dict[str, Outcome]:
    found: dict[str, Outcome] = {}
    for name, scanner in SCANNERS.items():
        make: Callable[[int], Scanner] = scanner
        monkeypatch.setattr(flatten_package, "new_scanner", make)
        found[name] = outcome(layers)
    return found


def _seed() -> int:
    """Look elsewhere every time, but not in CI, which judges a change and not the luck of a day."""
    return 1 if os.environ.get("CI") == "true" else random.SystemRandom().randrange(1 << 32)


def test_anything_ends_in_a_tree_or_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    seed = int(os.environ.get("FLATTEN_FUZZ_SEED") or _seed())
    corpus = contents()
    assert len(corpus) > 200
    deadline = time.monotonic() + SECONDS
    trees = errors = 0
    number = 0
    while time.monotonic() < deadline:
        rng = random.Random(seed + number)
        layers = [
            MemoryLayer(blob=framed(rng, mutated(rng, rng.choice(corpus))))
            for _ in range(rng.choice((1, 2)))
        ]
        try:
            found = outcomes(layers, monkeypatch)
        except Exception as error:
            error.add_note(f"FLATTEN_FUZZ_SEED={seed + number}")
            raise
        assert len({str(each) for each in found.values()}) == 1, (
            f"FLATTEN_FUZZ_SEED={seed + number}"
        )
        trees += any(isinstance(each, dict) for each in found.values())
        errors += any(isinstance(each, str) for each in found.values())
        number += 1
    # Neither a fuzzer that breaks everything nor one that breaks nothing would find much
    assert trees > number // 20
    assert errors > number // 20
