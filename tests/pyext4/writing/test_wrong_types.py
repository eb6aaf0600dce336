"""A value of a wrong type raises a TypeError with the path or option; nothing is written."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pyext4 import Device, Directory, Ext4Writer, File, Metadata, Options, Symlink, Tree, write_ext4
from tests.pyext4.small_trees import PLAIN, file_of, tree_of


def named(name: Any, node: Any) -> Tree:  # noqa: ANN401  wrong types are the point
    tree = tree_of(good=file_of(b"good"))
    tree.root.children[name] = node
    return tree


def wrong_meta(**fields: Any) -> Tree:  # noqa: ANN401  wrong types are the point
    return named(b"a", File(replace(PLAIN, **fields), 1, b"1"))


def with_content(content: Any, size: Any = 3) -> Tree:  # noqa: ANN401  wrong types are the point
    return named(b"a", File(PLAIN, size, content))


class Thing:
    meta = PLAIN


class OwnFile(File):
    pass


TREES: dict[str, tuple[Callable[[], Any], str]] = {
    "name_str": (lambda: named("a", file_of(b"")), "/a: name: must be bytes, not str: 'a'"),
    "name_int": (lambda: named(7, file_of(b"")), "/7: name: must be bytes, not int: 7"),
    "names_str_only": (
        lambda: Tree(Directory(PLAIN, {"a": file_of(b"")})),  # type: ignore[dict-item]
        "/a: name: must be bytes, not str: 'a'",
    ),
    "name_below": (
        lambda: named(b"d", Directory(PLAIN, {"x": file_of(b"")})),  # type: ignore[dict-item]
        "/d/x: name: must be bytes, not str: 'x'",
    ),
    "children_list": (
        lambda: named(b"d", Directory(PLAIN, [b"x"])),  # type: ignore[arg-type]
        "/d: children: must be dict, not list: [b'x']",
    ),
    "children_none": (
        lambda: named(b"d", Directory(PLAIN, None)),  # type: ignore[arg-type]
        "/d: children: must be dict, not NoneType: None",
    ),
    "node_bytes": (lambda: named(b"a", b"text"), "/a: must be Directory, File, Symlink, Device"),
    "node_none": (lambda: named(b"a", None), "/a: must be Directory, File, Symlink, Device"),
    "node_class": (lambda: named(b"a", Thing()), "/a: must be Directory, File, Symlink, Device"),
    "node_subclass": (lambda: named(b"a", OwnFile(PLAIN)), "/a: must be Directory, File, Symlink"),
    "root_none": (lambda: Tree(None), "/: must be Directory, not NoneType"),  # type: ignore[arg-type]
    "root_dict": (lambda: Tree({}), "/: must be Directory, not dict"),  # type: ignore[arg-type]
    "root_file": (lambda: Tree(file_of(b"")), "/: must be Directory, not File"),  # type: ignore[arg-type]
    "tree_dict": (dict, "tree: must be Tree, not dict"),
    "tree_directory": (lambda: Directory(PLAIN), "tree: must be Tree, not Directory"),
    "tree_path": (lambda: "/etc", "tree: must be Tree, not str"),
    "meta_none": (
        lambda: named(b"a", File(None)),  # type: ignore[arg-type]
        "/a: meta: must be Metadata, not NoneType",
    ),
    "mode_none": (lambda: wrong_meta(mode=None), "/a: mode: must be int, not NoneType"),
    "mode_float": (lambda: wrong_meta(mode=420.0), "/a: mode: must be int, not float: 420.0"),
    "mode_str": (lambda: wrong_meta(mode="0644"), "/a: mode: must be int, not str: '0644'"),
    "uid_float": (lambda: wrong_meta(uid=0.0), "/a: uid: must be int, not float: 0.0"),
    "gid_str": (lambda: wrong_meta(gid="root"), "/a: gid: must be int, not str: 'root'"),
    "mtime_float": (lambda: wrong_meta(mtime_ns=1.5), "/a: mtime_ns: must be int, not float"),
    "mtime_none": (lambda: wrong_meta(mtime_ns=None), "/a: mtime_ns: must be int, not NoneType"),
    "atime_float": (lambda: wrong_meta(atime_ns=1.0), "/a: atime_ns: must be int or None, not"),
    "xattrs_dict": (
        lambda: wrong_meta(xattrs={b"user.a": b"1"}),
        "/a: xattrs: must be tuple of (bytes, bytes), not dict",
    ),
    "xattrs_list": (
        lambda: wrong_meta(xattrs=[(b"user.a", b"1")]),
        "/a: xattrs: must be tuple of (bytes, bytes), not list",
    ),
    "xattr_name_str": (
        lambda: wrong_meta(xattrs=(("user.a", b"1"),)),
        "/a: xattrs: must be (bytes, bytes), not tuple: ('user.a', b'1')",
    ),
    "xattr_value_str": (lambda: wrong_meta(xattrs=((b"user.a", "1"),)), "/a: xattrs: must be"),
    "xattr_flat": (lambda: wrong_meta(xattrs=(b"user.a", b"1")), "/a: xattrs: must be"),
    "content_str": (lambda: with_content("abc"), "/a: content: must be bytes, Path, something"),
    "content_empty_str": (lambda: with_content("", 0), "/a: content: must be bytes, Path"),
    "content_none": (lambda: with_content(None), "/a: content: must be bytes, Path"),
    "content_bytearray": (lambda: with_content(bytearray(3)), "/a: content: must be bytes, Path"),
    "content_stream": (lambda: with_content(io.BytesIO(b"abc")), "/a: content: must be bytes"),
    "content_list": (lambda: with_content([b"abc"]), "/a: content: must be bytes, Path"),
    "content_gives_bytes": (
        lambda: with_content(lambda: b"abc"),
        "/a: content: must open a stream of bytes, gave: b'abc'",
    ),
    "content_gives_text": (
        lambda: with_content(lambda: io.StringIO("abc")),
        "/a: content: must open a stream of bytes, gave: 'abc'",
    ),
    "size_float": (lambda: with_content(b"abc", 3.0), "/a: size: must be int, not float: 3.0"),
    "size_none": (lambda: with_content(b"abc", None), "/a: size: must be int, not NoneType"),
    "size_str": (lambda: with_content(b"abc", "3"), "/a: size: must be int, not str: '3'"),
    "target_str": (
        lambda: named(b"a", Symlink(PLAIN, "b")),  # type: ignore[arg-type]
        "/a: target: must be bytes, not str: 'b'",
    ),
    "target_path": (
        lambda: named(b"a", Symlink(PLAIN, Path("b"))),  # type: ignore[arg-type]
        "/a: target: must be bytes, not PosixPath",
    ),
    "major_none": (
        lambda: named(b"a", Device(PLAIN, 0o020000, None, 1)),  # type: ignore[arg-type]
        "/a: major: must be int, not NoneType",
    ),
    "minor_float": (
        lambda: named(b"a", Device(PLAIN, 0o020000, 1, 1.0)),  # type: ignore[arg-type]
        "/a: minor: must be int, not float",
    ),
}  # fmt: skip


@pytest.mark.parametrize("features", [(), ("inline_data",)], ids=["default", "inline_data"])
@pytest.mark.parametrize("case", TREES)
def test_tree(case: str, features: tuple[str, ...], tmp_path: Path) -> None:
    make, message = TREES[case]
    options = Options(features=features)
    with pytest.raises(TypeError, match=f"^{re.escape(message)}"):
        write_ext4(make(), tmp_path / "image.ext4", options)
    with (
        Ext4Writer(tmp_path / "image.ext4", options) as writer,
        pytest.raises(TypeError, match=f"^{re.escape(message)}"),
    ):
        writer.commit(make())
    assert list(tmp_path.iterdir()) == []


OPTIONS: dict[str, Any] = {
    "size_bytes": "64M",
    "smallest": "yes",
    "free_bytes": 1.5,
    "label": "root",
    "uuid": "7d0ae1e1-3d0a-4b0c-b0ac-3d1fd3dbd8b8",
    "hash_seed": b"0" * 16,
    "timestamp": 1.0,
    "profile": 3,
    "features": "^has_journal",
    "block_size_bytes": "4096",
    "inodes": 1e3,
    "bytes_per_inode": "16K",
    "journal_bytes": 4194304.0,
    "reserved_percent": "5",
    "hash_version": 1,
    "verity": b"salt",
}


@pytest.mark.parametrize("name", OPTIONS)
def test_option(name: str, tmp_path: Path) -> None:
    options = Options(**{name: OPTIONS[name]})
    with pytest.raises(TypeError, match=f"^options: {name}: must be "):
        write_ext4(Tree(), tmp_path / "image.ext4", options)
    assert list(tmp_path.iterdir()) == []


def test_every_option_has_a_case() -> None:
    assert set(OPTIONS) == set(Options.__slots__)


def test_options_that_are_none_of_ours(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"^options: must be Options, not dict"):
        write_ext4(Tree(), tmp_path / "image.ext4", {})  # type: ignore[arg-type]


def test_error_of_a_content_itself_stays(tmp_path: Path) -> None:
    def opened() -> io.BytesIO:
        msg = "mine"
        raise TypeError(msg)

    with pytest.raises(TypeError, match=r"^mine$"):
        write_ext4(with_content(opened), tmp_path / "image.ext4")


def test_meta_may_be_made_of_integers_of_other_kinds(tmp_path: Path) -> None:
    meta = Metadata(mode=True, uid=False)
    write_ext4(tree_of(a=File(meta, 1, b"1")), tmp_path / "image.ext4")
