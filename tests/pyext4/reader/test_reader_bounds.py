"""Damaged images without checksums: every command ends soon, with one line if it fails."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from pyext4 import Directory, File, Metadata, Options, Tree, open_ext4, write_ext4
from pyext4.commands.cli import main
from pyext4.ondisk.group_desc import GroupDesc
from pyext4.ondisk.inode import Inode
from pyext4.packer import Packer
from tests.oracle_tools import need
from tests.pyext4.reader.ext4_images import make_image

PLAIN = Metadata(mode=0o644)
COMMANDS = (
    ("info",),
    ("ls", "-lR"),
    ("stat", "/f"),
    ("cat", "/f"),
    ("extract",),
    ("verify",),
)


def small_image(path: Path, *features: str) -> Path:
    names = {b"n%03d" % number + b"x" * (number % 90): File(PLAIN) for number in range(60)}
    large = Metadata(mode=0o644, xattrs=((b"user.long", b"v" * 600), (b"user.short", b"v")))
    tree = Tree(
        Directory(
            Metadata(mode=0o755),
            {
                b"f": File(large, 9000, b"f" * 9000),
                b"d": Directory(Metadata(mode=0o755), {**names, b"e": Directory(PLAIN)}),
                b"short": File(PLAIN, 70, b"s" * 70),
            },
        )
    )
    options = Options(
        block_size_bytes=1024,
        free_bytes=1 << 18,
        features=("^metadata_csum", "^has_journal", "^resize_inode", *features),
    )
    write_ext4(tree, path, options)
    return path


def outcome(
    image: Path, command: tuple[str, ...], folder: Path, capsys: pytest.CaptureFixture[str]
) -> tuple[int, str]:
    """Run a command; return its status and stderr, with at most one line unless it verifies."""
    name, *rest = command
    options = [each for each in rest if each.startswith("-")]
    paths = [each for each in rest if not each.startswith("-")]
    if name == "extract":
        paths = [str(folder / f"out-{len(list(folder.iterdir()))}")]
    begun = time.process_time()
    status = main([name, *options, str(image), *paths])
    assert time.process_time() - begun < 20
    errors = capsys.readouterr().err
    assert status in (0, 1)
    assert bool(errors) == (status == 1)
    assert name == "verify" or errors.count("\n") == status
    return status, errors


def field(structure: Packer, name: str) -> int:
    return structure.offsets[name]


def inode_at(image: Path, path: str) -> int:
    with open_ext4(image) as reader:
        layout = reader.layout
        group, index = divmod(reader.stat(path).ino - 1, layout.inodes_per_group)
        table = reader.image.group(group).inode_table * layout.block_size
        return table + index * layout.inode_size


def patch(image: Path, offset: int, data: bytes) -> None:
    with image.open("r+b") as file:
        file.seek(offset)
        file.write(data)


@pytest.mark.parametrize("features", [(), ("inline_data",)], ids=["plain", "inline_data"])
def test_random_damage_ends_in_one_line(
    features: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = small_image(tmp_path / "sound", *features)
    sound = image.read_bytes()
    with open_ext4(image) as reader:
        size = reader.layout.block_size
        table = reader.image.group(0).inode_table * size
        spots = [range(1024, 2048), range(2048, 2048 + 64), range(table, table + 90 * 256)]
        for path in ("/", "/d"):
            spots += [
                range(run.block * size, (run.block + run.length) * size)
                for run in reader.runs(path)
            ]
    source = random.Random(11)
    damaged = tmp_path / "damaged"
    failed = 0
    for _ in range(40):
        data = bytearray(sound)
        for _ in range(source.choice((1, 2, 8))):
            at = source.choice(source.choice(spots))
            data[at : at + 4] = source.choice((bytes(4), b"\xff" * 4, source.randbytes(4)))
        damaged.write_bytes(data)
        for command in COMMANDS:
            failed += outcome(damaged, command, tmp_path, capsys)[0]
    assert failed > 40


def test_more_unused_inodes_than_there_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = small_image(tmp_path / "image")
    patch(image, 2048 + field(Packer(GroupDesc), "bg_itable_unused_lo"), b"\xff\xff")
    status, errors = outcome(image, ("verify",), tmp_path, capsys)
    assert status == 1
    assert "group 0: more unused inodes than it has: 65535" in errors


@pytest.mark.parametrize("command", [("ls", "-R"), ("ls", "-lR"), ("extract",)])
def test_directory_inside_itself(
    command: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = small_image(tmp_path / "image")
    with open_ext4(image) as reader:
        ino = reader.stat("/d").ino
        inner = reader.stat("/d/e").ino
        (run, *_) = reader.runs("/d")
        blocks = reader.image.blocks(run.block, run.length)
    at = blocks.index(inner.to_bytes(4, "little"))
    patch(image, run.block * 1024 + at, ino.to_bytes(4, "little"))
    status, errors = outcome(image, command, tmp_path, capsys)
    assert status == 1
    assert f"directory {ino}: is in two places" in errors


@pytest.mark.parametrize(
    ("size", "reason"),
    [(1 << 40, "mostly holes, more than the filesystem has"), (1 << 62, "impossible size")],
)
def test_size_that_lies(
    size: int, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = small_image(tmp_path / "image")
    at = inode_at(image, "/f") + field(Packer(Inode), "i_size_high")
    patch(image, at, (size >> 32).to_bytes(4, "little"))
    status, errors = outcome(image, ("cat", "/f"), tmp_path, capsys)
    assert status == 1
    assert reason in errors


def test_owner_that_nobody_can_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = small_image(tmp_path / "image")
    at = inode_at(image, "/f")
    for name in ("i_uid", "l_i_uid_high"):
        patch(image, at + field(Packer(Inode), name), b"\xff\xff")
    status, errors = outcome(image, ("extract",), tmp_path, capsys)
    assert status == 1
    assert "impossible owner: 4294967295:0" in errors


@pytest.mark.parametrize("options", [("bigalloc",), ("bigalloc,^metadata_csum",)])
def test_clusters_with_1_kib_blocks(options: tuple[str], tmp_path: Path) -> None:
    """Group 0 begins at block 0, the descriptors behind block 1, which the superblock has."""
    need("mke2fs")
    source = tmp_path / "source"
    source.mkdir()
    (source / "f").write_text("hi")
    image = make_image(
        tmp_path / "image", "-t", "ext4", "-b", "1024", "-O", *options, source=source
    )
    with open_ext4(image) as reader:
        assert reader.layout.first_data_block == 0
        assert reader.read("/f") == b"hi"
