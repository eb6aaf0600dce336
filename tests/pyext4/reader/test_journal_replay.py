"""Images whose machine stopped: what our replay shows, and what the kernel's and e2fsck's do."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from pyext4.errors import Ext4Error
from pyext4.ondisk.jbd2 import JBD2_MAGIC_NUMBER
from pyext4.reader import open_ext4
from pyext4.reader.journal.log import read_log
from pyext4.reader.journal.records import crc32_be
from tests.oracle_tools import need, need_root
from tests.pyext4.reader.ext4_images import (
    Seen,
    debugfs,
    make_image,
    mounted,
    only_in_journal,
    run,
    seen_by_kernel,
    seen_by_reader,
)

pytestmark = pytest.mark.oracle

MAGIC = JBD2_MAGIC_NUMBER.to_bytes(4, "big")


@pytest.fixture(autouse=True)
def _tools() -> None:
    need("mke2fs", "e2fsck", "debugfs", "mount")
    need_root()


def stopped(
    path: Path, do: Callable[[Path], object], *options: str, mount: str = "", size: str = "24M"
) -> Path:
    """Return a copy of an image, made while it was mounted and right after `do`."""
    image = make_image(path.with_suffix(".live"), *options, size=size)
    with mounted(image, write=True, options=f",nodelalloc{mount}") as root:
        do(root)
        shutil.copy(image, path)
    return path


def commit(root: Path) -> None:
    """Have what was done written to the log, and nowhere else: sync(2) would write both."""
    directory = os.open(root, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def churn(root: Path) -> None:
    """Make several transactions with freed directory blocks that become data, and magic numbers."""
    (root / "one").write_bytes(b"1")
    os.link(root / "one", root / "other name")
    os.setxattr(root / "one", "user.kind", b"v" * 700)
    (root / "link").symlink_to("t" * 100)
    commit(root)
    for index in range(4):
        directory = root / f"dir{index}"
        directory.mkdir()
        for number in range(30):
            (directory / f"{number}").write_bytes(MAGIC + os.urandom(number * 50))
        commit(root)
        if index:
            shutil.rmtree(root / f"dir{index - 1}")
            commit(root)
            (root / f"again{index}").write_bytes((MAGIC + b"x" * 1020) * 200)
            commit(root)


def without_atime(seen: dict[bytes, Seen]) -> dict[bytes, Seen]:
    """Reading files in a mounted copy changes their access times."""
    return {
        path: Seen(**{**vars(about), "times_ns": (0, *about.times_ns[1:])})
        for path, about in seen.items()
    }


@pytest.mark.parametrize(
    ("options", "mount"),
    [
        (("-t", "ext4"), ""),
        (("-t", "ext4", "-b", "1024", "-J", "size=1"), ""),  # the log goes round
        (("-t", "ext4", "-O", "^metadata_csum,^64bit"), ""),
        (("-t", "ext4", "-O", "^metadata_csum"), ",journal_checksum"),
        (
            ("-t", "ext4", "-O", "^metadata_csum"),
            ",journal_checksum,journal_async_commit,data=writeback",
        ),
        (("-t", "ext4", "-J", "size=4"), ",data=journal"),
        (("-t", "ext3", "-J", "size=4"), ",data=journal"),
        (("-t", "ext4", "-O", "orphan_file"), ""),
        (("-t", "ext4", "-O", "bigalloc"), ""),
    ],
    ids=["default", "round", "no-sums", "old-sums", "async", "data", "ext3", "orphans", "bigalloc"],
)
def test_replay_shows_what_mounting_a_copy_shows(
    options: tuple[str, ...], mount: str, tmp_path: Path
) -> None:
    image = stopped(tmp_path / "k.ext4", churn, *options, mount=mount)
    before = image.read_bytes()
    with open_ext4(image) as reader:
        assert reader.recovery is not None
        assert reader.recovery.replayed
        assert reader.recovery.transactions
        assert reader.recovery.warning == ""
        ours = seen_by_reader(reader)
        counts = [reader.layout.fields[name] for name in COUNTS]
        if "bigalloc" not in reader.layout.features:
            assert reader.verify() == []
    assert image.read_bytes() == before
    with mounted(image, write=True) as root:
        theirs = seen_by_kernel(root)
    assert without_atime(ours) == without_atime(theirs)
    with open_ext4(image) as reader:
        assert reader.recovery is None
        assert counts == [reader.layout.fields[name] for name in COUNTS]


COUNTS = ("s_free_blocks_count_lo", "s_free_blocks_count_hi", "s_free_inodes_count")


def test_without_the_journal_the_image_is_read_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("old")
    image = make_image(tmp_path / "k.ext4", "-t", "ext4", "-b", "4096", size="16M")
    only_in_journal(image, f"write {tmp_path}/old old")
    with open_ext4(image) as reader:
        assert reader.read("/old") == b"old"
    with open_ext4(image, journal=False) as reader:
        assert reader.recovery is not None
        assert not reader.recovery.replayed
        assert str(reader.recovery).startswith("the journal was not replayed: as asked")
        names = {entry.name for entry in reader.listdir("/")}
    catastrophic = run("debugfs", "-c", "-R", "ls -p /", image)
    assert names == {b"lost+found"}
    assert "/old/" not in catastrophic


def test_files_deleted_while_open_are_no_damage(tmp_path: Path) -> None:
    held: list[BinaryIO] = []

    def write(root: Path) -> None:
        for number in range(3):
            held.append((root / f"{number}").open("wb"))
            held[-1].write(b"x" * 10_000)
            held[-1].flush()
        commit(root)
        for number in range(3):
            (root / f"{number}").unlink()
        commit(root)
        shutil.copy(image.with_suffix(".live"), image)
        for file in held:
            file.close()

    image = tmp_path / "k.ext4"
    for features in ("^orphan_file", "orphan_file"):
        held.clear()
        live = make_image(image.with_suffix(".live"), "-t", "ext4", "-O", features, size="24M")
        with mounted(live, write=True, options=",nodelalloc") as root:
            write(root)
        with open_ext4(image) as reader:
            assert reader.recovery is not None
            assert reader.verify() == []


def test_fast_commits_are_told_of(tmp_path: Path) -> None:
    def write(root: Path) -> None:
        (root / "whole").write_text("whole")
        commit(root)
        with (root / "fast").open("w") as file:
            file.write("fast")
            file.flush()
            os.fsync(file.fileno())

    warnings: list[str] = []
    while not any("fast commits were not replayed" in warning for warning in warnings):
        assert len(warnings) < 20, warnings
        # Where some program calls sync(2) in between, the kernel makes a full commit of it.
        image = stopped(
            tmp_path / f"{len(warnings)}.ext4", write, "-t", "ext4", "-O", "fast_commit", size="64M"
        )
        with open_ext4(image) as reader:
            assert reader.recovery is not None
            assert reader.recovery.replayed
            assert reader.read("/whole") == b"whole"
            warnings.append(reader.recovery.warning)
    with mounted(image, write=True) as root:  # the kernel replays them
        assert (root / "fast").read_text() == "fast"


@pytest.mark.parametrize(
    ("sums", "features"),
    [
        ("", "^metadata_csum,^64bit"),
        ("", "^metadata_csum,64bit"),
        ("-c", "^metadata_csum,^64bit"),
        ("-c -v 2", "metadata_csum,^64bit"),
        ("-c -v 2", "metadata_csum,64bit"),
        ("-c -v 3", "metadata_csum,^64bit"),
        ("-c -v 3", "metadata_csum,64bit"),
    ],
)
def test_transactions_of_debugfs(sums: str, features: str, tmp_path: Path) -> None:
    image, source = tmp_path / "k.ext4", tmp_path / "source"
    source.mkdir()
    (source / "file").write_bytes(b"f" * 4096 * 6)
    make_image(image, "-t", "ext4", "-O", features, "-b", "4096", source=source, size="16M")
    with open_ext4(image) as reader:
        first = reader.runs("/file")[0].block
    new = {name: tmp_path / name for name in ("three", "one", "uncommitted")}
    new["three"].write_bytes(MAGIC + os.urandom(4096 * 3 - 4))
    new["one"].write_bytes(b"o" * 4096)
    new["uncommitted"].write_bytes(b"u" * 4096)
    old_sums = sums == "-c"  # in which debugfs counts revoke blocks, and the kernel doesn't
    debugfs(
        image,
        f"jo {sums}",
        f"jw -b {first},{first + 1},{first + 2} {new['three']}",
        f"jw -b {first + 3} {new['one']}" if old_sums else f"jw -r {first + 1}",
        f"jw -b {first + 3} {new['one']}",
        f"jw -b {first + 4} -c {new['uncommitted']}",
        "jc",
    )
    with open_ext4(image) as reader:
        assert reader.recovery is not None
        assert str(reader.recovery) == (
            f"replayed in memory: 3 transactions, blocks: {4 if old_sums else 3}"
        )
        content = reader.read("/file")
        ours = seen_by_reader(reader)
    blocks = [content[at : at + 4096] for at in range(0, len(content), 4096)]
    three = new["three"].read_bytes()
    second = three[4096:8192] if old_sums else b"f" * 4096
    assert blocks == [three[:4096], second, three[8192:], b"o" * 4096, *[b"f" * 4096] * 2]
    assert run("e2fsck", "-fy", image).count("recovering journal") == 1
    with open_ext4(image) as reader:
        assert seen_by_reader(reader) == ours


def some_transactions(root: Path) -> None:
    for number in range(3):
        (root / f"{number}").mkdir()
        (root / f"{number}" / "file").write_text("content")
        commit(root)


@pytest.mark.parametrize(
    ("at", "byte", "reason"),
    [
        (0, 20, "journal 8: checksum is"),  # the superblock
        (1, 15, "a checksum of transaction"),  # the first descriptor block
        (2, 100, "the checksum of a copy"),
    ],
)
def test_damaged_journal_is_not_replayed_but_told_of(
    at: int, byte: int, reason: str, tmp_path: Path
) -> None:
    image = stopped(tmp_path / "k.ext4", some_transactions, "-t", "ext4", size="16M")
    flip(image, at, byte)
    with open_ext4(image) as reader:
        assert reader.recovery is not None
        assert not reader.recovery.replayed
        assert reason in reader.recovery.warning
        assert b"lost+found" in {entry.name for entry in reader.listdir("/")}


def flip(image: Path, at: int, byte: int, bit: int = 1) -> None:
    """Change a bit of a block of the journal."""
    with open_ext4(image, journal=False) as reader:
        log = read_log(reader.image)
        assert log is not None
        place = log.place(at) * reader.layout.block_size + byte
    with image.open("r+b") as file:
        file.seek(place)
        value = file.read(1)[0]
        file.seek(place)
        file.write(bytes([value ^ bit]))


def test_journal_on_another_device_is_told_of(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    run("mke2fs", "-q", "-F", "-O", "journal_dev", journal, "8M")
    loop = run("losetup", "--show", "-f", journal).strip()
    try:
        image = make_image(tmp_path / "k.ext4", "-t", "ext4", "-J", f"device={loop}", size="16M")
        with mounted(image, write=True) as root:
            (root / "new").write_text("new")
            commit(root)
            shutil.copy(image, tmp_path / "copy")
    finally:
        run("losetup", "-d", loop)
    with open_ext4(tmp_path / "copy") as reader:
        assert "on another device" in str(reader.recovery)
        assert reader.stat("/").ino == 2


def test_transactions_that_the_superblock_denies_are_not_replayed(tmp_path: Path) -> None:
    image = stopped(tmp_path / "k.ext4", some_transactions, "-t", "ext4", size="16M")
    debugfs(image, "feature -needs_recovery")
    with open_ext4(image) as reader:
        assert reader.recovery is not None
        assert "doesn't ask for them" in reader.recovery.warning
        ours = seen_by_reader(reader)
    with mounted(image, write=True) as root:  # jbd2_journal_wipe
        assert without_atime(seen_by_kernel(root)) == without_atime(ours)


@pytest.mark.parametrize("features", ["metadata_csum", "^metadata_csum"])
def test_no_damage_of_the_journal_ends_in_anything_but_our_errors(
    features: str, tmp_path: Path
) -> None:
    image = stopped(tmp_path / "k.ext4", some_transactions, "-t", "ext4", "-O", features, size="8M")
    sound = image.read_bytes()
    with open_ext4(image) as reader:
        log = read_log(reader.image)
        assert log is not None
        block, size = log.runs[0].block, reader.layout.block_size
    chance = random.Random(20)
    for _ in range(25):
        damaged = bytearray(sound)
        for _ in range(chance.choice((1, 1, 3))):
            # the superblock and the first tags, or anything that the log holds
            within = chance.choice((96, 40 * size))
            base = chance.choice((0, size)) if within == 96 else 0
            damaged[block * size + base + chance.randrange(within)] ^= 1 << chance.randrange(8)
        image.write_bytes(damaged)
        try:
            with open_ext4(image) as reader:
                assert reader.recovery is not None
                for _, node in reader.walk():
                    reader.xattrs(node)
                reader.verify()
        except Ext4Error:
            pass


def test_log_that_leads_round_for_ever_ends(tmp_path: Path) -> None:
    image = stopped(
        tmp_path / "k.ext4", some_transactions, "-t", "ext4", "-O", "^metadata_csum", size="8M"
    )
    with open_ext4(image) as reader:
        log = read_log(reader.image)
        assert log is not None
        size = reader.layout.block_size
        places = [log.place(at) * size for at in range(log.first, log.end)]
        sequence = log.fields["s_sequence"]
    revoke = MAGIC + (5).to_bytes(4, "big") + sequence.to_bytes(4, "big") + (16).to_bytes(4, "big")
    with image.open("r+b") as file:
        for place in places:
            file.seek(place)
            file.write(revoke)
    with open_ext4(image) as reader:
        assert "the log has no end" in str(reader.recovery)


def test_crc32_be_is_that_of_linux() -> None:
    # CRC-32/MPEG-2 in the catalogue of parametrised CRC algorithms: the same without an inversion
    assert crc32_be(0xFFFFFFFF, b"123456789") == 0x0376E6E7
