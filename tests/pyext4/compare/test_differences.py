"""What differs between two images, or an image and a tree."""

from __future__ import annotations

import io
import stat
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest

from pyext4 import (
    Change,
    DamagedError,
    Device,
    Difference,
    Directory,
    Fifo,
    File,
    Metadata,
    Options,
    Symlink,
    Tree,
    diff_images,
    open_ext4,
    write_ext4,
)
from pyext4.tree import Node
from tests.pyext4.small_trees import PLAIN, file_of, tree_of

Changes = list[tuple[str, object, object]]


def written(tree: Tree, path: Path) -> Path:
    write_ext4(tree, path)
    return path


def found(before: Tree, after: Tree, folder: Path, **options: bool) -> list[Difference]:
    """Compare two trees as images, and each with the other as a tree: all say the same."""
    one, other = written(before, folder / "one"), written(after, folder / "other")
    with open_ext4(one) as first, open_ext4(other) as second:
        answers = [
            list(diff_images(first, second, **options)),
            list(diff_images(first, after, **options)),
            list(diff_images(before, second, **options)),
            list(diff_images(before, after, **options)),
        ]
    assert answers[1:] == answers[:1] * 3
    return answers[0]


def changes(before: Node, after: Node, folder: Path, **options: bool) -> Changes:
    """Return what differs at /x, which is alone."""
    differences = found(tree_of(x=before), tree_of(x=after), folder, **options)
    for difference in differences:
        assert (difference.path, difference.kind) == (b"/x", "changed")
    return [
        (change.field, change.before, change.after)
        for difference in differences
        for change in difference.changes
    ]


def test_nothing_differs(tmp_path: Path) -> None:
    def tree() -> Tree:
        return tree_of(x=file_of(b"x"), y=Symlink(PLAIN, b"x"), z=Fifo(PLAIN))

    assert found(tree(), tree(), tmp_path) == []


ACL = bytes.fromhex(
    "02000000 0100 0600 ffffffff 0200 0400 07000000 0400 0400 ffffffff 1000 0400 ffffffff"
    "2000 0400 ffffffff"
)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"mode": 0o600}, [("mode", 0o644, 0o600)]),
        ({"mode": 0o4644}, [("mode", 0o644, 0o4644)]),
        ({"uid": 70_000}, [("uid", 0, 70_000)]),
        ({"gid": 1}, [("gid", 0, 1)]),
        ({"mtime_ns": 1}, [("mtime_ns", 0, 1)]),
        ({"atime_ns": 1}, []),
        ({"ctime_ns": 1}, []),
        ({"xattrs": ((b"user.a", b"1"),)}, [("xattr", None, b"1")]),
        ({"xattrs": ((b"system.posix_acl_access", ACL),)}, [("xattr", None, ACL)]),
    ],
)
def test_attributes(changed: dict[str, object], expected: Changes, tmp_path: Path) -> None:
    meta = replace(PLAIN, **changed)  # type: ignore[arg-type]  # a field for each case
    for before, after in (
        (file_of(b"x"), file_of(b"x", meta)),
        (Directory(PLAIN), Directory(meta)),
    ):
        assert changes(before, after, tmp_path) == expected


def test_xattr_lost_and_changed(tmp_path: Path) -> None:
    before = replace(PLAIN, xattrs=((b"user.a", b"1"), (b"user.b", b"1")))
    after = replace(PLAIN, xattrs=((b"user.b", b"2" * 3000),))
    (difference,) = found(tree_of(x=file_of(b"", before)), tree_of(x=file_of(b"", after)), tmp_path)
    assert difference.changes == (
        Change(field="xattr", name=b"user.a", before=b"1"),
        Change(field="xattr", name=b"user.b", before=b"1", after=b"2" * 3000),
    )


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (file_of(b"a"), file_of(b"b"), [("content", None, None)]),
        (file_of(b"a"), file_of(b"aa"), [("size", 1, 2)]),
        (file_of(b"a" * 5000 + b"b"), file_of(b"a" * 5000 + b"c"), [("content", None, None)]),
        (file_of(b""), file_of(b""), []),
        (Symlink(PLAIN, b"a"), Symlink(PLAIN, b"b"), [("target", b"a", b"b")]),
        (Symlink(PLAIN, b"a" * 70), Symlink(PLAIN, b"a" * 71), [("target", b"a" * 70, b"a" * 71)]),
        (
            Device(PLAIN, stat.S_IFCHR, 1, 3),
            Device(PLAIN, stat.S_IFCHR, 1, 5),
            [("device", (1, 3), (1, 5))],
        ),
        (
            Device(PLAIN, stat.S_IFCHR, 1, 3),
            Device(PLAIN, stat.S_IFBLK, 1, 3),
            [("type", "character device", "block device")],
        ),
        (file_of(b"a"), Fifo(PLAIN), [("type", "file", "fifo")]),
        (Symlink(PLAIN, b"a"), file_of(b"a"), [("type", "symlink", "file")]),
    ],
)
def test_what_it_is(before: Node, after: Node, expected: Changes, tmp_path: Path) -> None:
    assert changes(before, after, tmp_path) == expected


def test_times_and_contents_can_be_passed_over(tmp_path: Path) -> None:
    before, after = file_of(b"a"), file_of(b"b", replace(PLAIN, mtime_ns=5))
    assert changes(before, after, tmp_path, times=False) == [("content", None, None)]
    assert changes(before, after, tmp_path, contents=False) == [("mtime_ns", 0, 5)]
    assert changes(before, after, tmp_path, contents=False, times=False) == []


def test_holes_are_zeros(tmp_path: Path) -> None:
    size = 3 << 20
    sparse = tmp_path / "sparse"
    with sparse.open("wb") as file:
        file.seek(2 << 20)
        file.write(b"x")
        file.truncate(size)
    whole = sparse.read_bytes()
    assert changes(File(PLAIN, size, sparse), file_of(whole), tmp_path) == []
    other = whole[: 1 << 20] + b"\1" + whole[(1 << 20) + 1 :]
    assert changes(File(PLAIN, size, sparse), file_of(other), tmp_path) == [("content", None, None)]


def test_paths_come_sorted_with_all_that_is_below(tmp_path: Path) -> None:
    before = tree_of(gone=Directory(PLAIN, {b"a": file_of(b""), b"b": Directory(PLAIN)}))
    after = tree_of(gone=file_of(b""), new=Directory(PLAIN, {b"\xff": file_of(b"")}))
    differences = [(each.kind, each.path) for each in found(before, after, tmp_path)]
    assert differences == [
        ("changed", b"/gone"),
        ("removed", b"/gone/a"),
        ("removed", b"/gone/b"),
        ("added", b"/new"),
        ("added", b"/new/\xff"),
    ]


def test_link_groups(tmp_path: Path) -> None:
    one, other = file_of(b"same"), file_of(b"same")
    before = tree_of(a=one, b=one, c=other, d=other)
    third, fourth = file_of(b"same"), file_of(b"same")
    after = tree_of(a=third, b=third, c=third, d=fourth)
    differences = found(before, after, tmp_path)
    assert [(each.path, each.changes) for each in differences] == [
        (b"/c", (Change(field="first_name", before=b"/c", after=b"/a"),)),
        (b"/d", (Change(field="first_name", before=b"/c", after=b"/d"),)),
    ]


def test_lost_and_found_counts_between_images_only(tmp_path: Path) -> None:
    image = written(tree_of(x=file_of(b"")), tmp_path / "one")
    write_ext4(tree_of(x=file_of(b"")), tmp_path / "other", Options(timestamp=5))
    with open_ext4(image) as first, open_ext4(tmp_path / "other") as second:
        names = [(each.kind, each.path) for each in diff_images(first, second)]
        assert names == [("changed", b"/lost+found")]
        assert list(diff_images(first, tree_of(x=file_of(b"")))) == []


def test_content_of_a_stream_that_cannot_seek(tmp_path: Path) -> None:
    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.left = 3_000_000

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
            count = min(len(buffer), self.left, 1000)
            buffer[:count] = b"p" * count
            self.left -= count
            return count

    image = written(tree_of(x=file_of(b"p" * 3_000_000)), tmp_path / "image")
    streamed = tree_of(x=File(PLAIN, 3_000_000, Pipe))  # type: ignore[arg-type]
    with open_ext4(image) as reader:
        assert list(diff_images(reader, streamed)) == []


def test_memory_is_bounded(tmp_path: Path) -> None:
    big = tmp_path / "big"
    big.write_bytes(b"b" * (24 << 20))
    image = written(tree_of(x=File(Metadata(mode=0o644), 24 << 20, big)), tmp_path / "image")
    with open_ext4(image) as first, open_ext4(image) as second:
        tracemalloc.start()
        assert list(diff_images(first, second)) == []
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 8 << 20


def test_damage_names_its_image(tmp_path: Path) -> None:
    one = written(tree_of(x=file_of(b"x")), tmp_path / "one")
    other = written(tree_of(x=file_of(b"x")), tmp_path / "other")
    with open_ext4(other) as reader:
        ino = reader.stat("/x").ino
        group = reader.image.group(0)
        at = group.inode_table * reader.layout.block_size + (ino - 1) * reader.layout.inode_size
    with other.open("r+b") as file:
        file.seek(at + 4)
        file.write(b"\xee")
    with open_ext4(one) as first, open_ext4(other) as second:
        message = f"^{other}: inode {ino}: checksum is"
        with pytest.raises(DamagedError, match=message):
            list(diff_images(first, second))
