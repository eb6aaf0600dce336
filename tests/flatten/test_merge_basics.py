from __future__ import annotations

import gzip
import threading

import pytest

from flatten import DiffIdError, LayerError, flatten
from tests.flatten.tars import (
    MemoryLayer,
    directory,
    file,
    hardlink,
    layer,
    listing,
    opaque,
    symlink,
    tar,
    whiteout,
)


def test_whiteout_hides_lower_file_only() -> None:
    tree = flatten(
        [
            layer(file(b"a", b"1"), file(b"b", b"2")),
            layer(file(b"b", b"3"), whiteout(b"b"), whiteout(b"a")),
        ]
    )
    assert listing(tree) == {"b": "file 3"}


def test_opaque_keeps_what_its_own_layer_brought_before_it() -> None:
    tree = flatten(
        [
            layer(directory(b"d", 0o700), file(b"d/old", b"1")),
            layer(file(b"d/new", b"2"), opaque(b"d"), file(b"d/newer", b"3")),
        ]
    )
    assert listing(tree) == {"d": "dir", "d/new": "file 2", "d/newer": "file 3"}
    assert tree.root.children[b"d"].meta.mode == 0o700


def test_parents_resolve_through_symlinks() -> None:
    tree = flatten(
        [layer(directory(b"usr/bin"), symlink(b"bin", b"usr/bin")), layer(file(b"bin/ls", b"x"))]
    )
    assert listing(tree) == {
        "bin": "-> usr/bin",
        "usr": "dir",
        "usr/bin": "dir",
        "usr/bin/ls": "file x",
    }


def test_hard_link_to_a_later_target() -> None:
    tree = flatten([layer(hardlink(b"a", b"b", mode=0o777), file(b"b", b"x", mode=0o600))])
    assert listing(tree) == {"a": "file x", "b": "= a"}
    assert tree.root.children[b"a"].meta.mode == 0o600


def test_hard_link_whose_target_never_comes_names_both() -> None:
    bad = layer(hardlink(b"a", b"b"))
    with pytest.raises(LayerError) as caught:
        flatten([bad])
    assert str(caught.value) == f"layer {bad.digest}: a: hard link to a target that never comes: b"


def test_wrong_diff_id_is_refused_and_threads_end() -> None:
    before = threading.active_count()
    bad = MemoryLayer(blob=gzip.compress(tar([file(b"a", b"1")])), diff_id="sha256:" + "0" * 64)
    with pytest.raises(DiffIdError) as caught:
        flatten([bad])
    assert caught.value.digest == bad.digest
    assert threading.active_count() == before
    assert all(stream.closed for stream in bad.opened)


def test_no_layers() -> None:
    assert listing(flatten([])) == {}
