"""Directory hashes compared with those that debugfs computes."""

from __future__ import annotations

import random
from pathlib import Path
from uuid import UUID

import pytest

from pyext4.reader.decode.name_hash import hash_function
from tests.oracle_tools import need
from tests.pyext4.reader.ext4_images import make_image, run

VERSIONS = ["legacy", "half_md4", "tea", "legacy_unsigned", "half_md4_unsigned", "tea_unsigned"]
SEED = UUID("01234567-89ab-cdef-0123-456789abcdef")


@pytest.mark.parametrize(
    ("version", "name", "expected"),
    [
        # debugfs -R "dx_hash -h ... NAME", 1.47.0
        (0, b"lost+found", 0x5E2ABA24),
        (1, b"lost+found", 0x591DE422),
        (2, b"lost+found", 0x2DBF9E80),
    ],
)
def test_known_hashes(version: int, name: bytes, expected: int) -> None:
    function = hash_function(version, (0, 0, 0, 0), unsigned=False)
    assert function
    assert function(name) == expected


def test_unknown_version() -> None:
    assert hash_function(6, (0, 0, 0, 0), unsigned=False) is None


@pytest.mark.oracle
@pytest.mark.parametrize("version", range(len(VERSIONS)), ids=VERSIONS)
@pytest.mark.parametrize("seeded", [False, True])
def test_hashes_equal_those_of_debugfs(version: int, seeded: bool, tmp_path: Path) -> None:  # noqa: FBT001
    need("mke2fs", "debugfs")
    image = make_image(tmp_path / "any.ext4", "-t", "ext4", size="4M")
    source = random.Random(version)
    lengths = [1, 3, 4, 5, 15, 16, 17, 31, 32, 33, 63, 64, 65, 254, 255]
    # debugfs takes its lines as text: no blanks, quotes or ends of lines, but bytes over 0x7f
    letters = bytes(set(range(0x24, 0x7F)) - set(b"'\\")) + bytes(range(0x80, 0x100))
    names = [bytes(source.choices(letters, k=length)) for length in lengths]
    option = b"-s %s" % str(SEED).encode() if seeded else b""
    script = tmp_path / "commands"
    script.write_bytes(
        b"".join(b"dx_hash -h %d %s %s\n" % (version, option, name) for name in names)
    )
    lines = [line for line in run("debugfs", "-f", script, image).splitlines() if " is 0x" in line]
    theirs = [int(line.rpartition(" is ")[2].split()[0], 16) for line in lines]
    raw = SEED.bytes if seeded else bytes(16)
    words = tuple(int.from_bytes(raw[at : at + 4], "little") for at in (0, 4, 8, 12))
    function = hash_function(version, words, unsigned=False)
    assert function
    assert [function(name) for name in names] == theirs
