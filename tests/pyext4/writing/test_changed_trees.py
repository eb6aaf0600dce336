"""A tree that was changed after its contents were stored: the image holds the tree and no more.

Judged by the reader's full check, which finds blocks used twice or marked but not used, by the
contents that it reads, and by searching the image's bytes for removed content.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from pyext4 import ContentError, Directory, Ext4Writer, File, Metadata, Options, Tree, open_ext4
from pyext4.image.store import ImageStore, Stored
from tests.pyext4.small_trees import PLAIN, file_of, tree_of

SECRET = b"secret that was taken out " * 400  # over two blocks


def stored(store: ImageStore, data: bytes) -> File:
    place = store.allocate(len(data))
    store.place(data, ((place, 0, 0, len(data)),))
    return File(PLAIN, len(data), place)


def read_sound(image: Path) -> dict[str, bytes]:
    """Check an image fully and return its regular files."""
    with open_ext4(image) as reader:
        assert reader.verify() == []
        return {
            path.decode(): reader.read(node)
            for path, node in reader.walk()
            if node.kind == 0o100000
        }


def remove(tree: Tree, _: ImageStore) -> None:
    del tree.root.children[b"secret"]


def replace(tree: Tree, _: ImageStore) -> None:
    tree.root.children[b"secret"] = file_of(b"new")


def replace_content(tree: Tree, _: ImageStore) -> None:
    node = tree.root.children[b"secret"]
    assert isinstance(node, File)
    node.content, node.size = b"new" * 9000, 27000


def replace_by_stored(tree: Tree, store: ImageStore) -> None:
    tree.root.children[b"secret"] = stored(store, b"new" * 9000)


def replace_by_directory(tree: Tree, _: ImageStore) -> None:
    tree.root.children[b"secret"] = Directory(PLAIN, {b"inside": file_of(b"new")})


def remove_all(tree: Tree, _: ImageStore) -> None:
    tree.root.children.clear()


def release_and_remove(tree: Tree, store: ImageStore) -> None:
    node = tree.root.children.pop(b"secret")
    assert isinstance(node, File)
    assert isinstance(node.content, Stored)
    store.release(node.content)


CHANGES = [
    remove,
    replace,
    replace_content,
    replace_by_stored,
    replace_by_directory,
    remove_all,
    release_and_remove,
]
OPTIONS = {
    "default": Options(),
    "1k": Options(block_size_bytes=1024),
    "inline_data": Options(features=("inline_data",)),
    "smallest": Options(smallest=True),
    "size": Options(size_bytes=32 << 20),
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("change", CHANGES)
def test_what_the_tree_has_no_more_is_not_in_the_image(
    change: Callable[[Tree, ImageStore], None], options: Options, tmp_path: Path
) -> None:
    image = tmp_path / "image.ext4"
    with Ext4Writer(image, options) as writer:
        store = writer.store
        tree = tree_of(
            before=stored(store, b"b" * 5000),
            secret=stored(store, SECRET),
            short=stored(store, b"short"),
            after=stored(store, b"a" * 5000),
        )
        change(tree, store)
        wanted = {}
        for path, node in tree.walk():
            if isinstance(node, File):
                data = node.content
                if isinstance(data, Stored):
                    with data.open(node.size) as stream:
                        data = stream.read()
                wanted[path.decode()] = data
        writer.commit(tree)
    assert read_sound(image) == wanted
    assert b"taken out" not in image.read_bytes()


@pytest.mark.parametrize("size", [5, 5000, 3_000_000])
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_two_nodes_of_one_content_have_blocks_of_their_own(
    options: Options, size: int, tmp_path: Path
) -> None:
    image = tmp_path / "image.ext4"
    data = bytes(range(1, 251)) * (size // 250 + 1)
    with Ext4Writer(image, options) as writer:
        first = stored(writer.store, data)
        tree = tree_of(
            a=first,
            b=dataclasses.replace(first),
            c=copy.copy(first),
            d=copy.deepcopy(first),
            gone=stored(writer.store, SECRET),
            link=first,
        )
        del tree.root.children[b"gone"]
        writer.commit(tree)
    assert read_sound(image) == dict.fromkeys(("/a", "/b", "/c", "/d", "/link"), data)
    with open_ext4(image) as reader:
        assert reader.stat("/a").links == 2
        assert len({reader.stat(f"/{name}").ino for name in "abcd"}) == 4
    assert b"taken out" not in image.read_bytes()


def test_holes_stay_holes_in_a_second_copy(tmp_path: Path) -> None:
    size = 1 << 40  # nobody has the time to copy so many zeros
    image = tmp_path / "image.ext4"
    with Ext4Writer(image) as writer:
        place = writer.store.allocate(size, [(1 << 30, 5), (size - 4096, 4096)])
        chunk = b"begin" + b"e" * 4096
        writer.store.place(chunk, ((place, 1 << 30, 0, 5), (place, size - 4096, 5, 4096)))
        writer.commit(tree_of(a=File(PLAIN, size, place), b=File(PLAIN, size, place)))
    with open_ext4(image) as reader:
        assert reader.verify() == []
        assert reader.segments("/b") == reader.segments("/a")
        for name in "ab":
            with reader.open(f"/{name}") as stream:
                stream.seek(1 << 30)
                assert stream.read(6) == b"begin\0"
                stream.seek(size - 4096)
                assert stream.read() == b"e" * 4096


def test_tree_copied_as_a_whole(tmp_path: Path) -> None:
    image = tmp_path / "image.ext4"
    with Ext4Writer(image) as writer:
        tree = copy.deepcopy(tree_of(a=stored(writer.store, SECRET)))
        writer.commit(tree)
    assert read_sound(image) == {"/a": SECRET}


@pytest.mark.parametrize("size", [0, 9, 11, 4096, 100_000])
def test_size_that_was_changed_is_an_error(size: int, tmp_path: Path) -> None:
    with Ext4Writer(tmp_path / "image.ext4") as writer:
        node = stored(writer.store, b"ten bytes!")
        node.size = size
        with pytest.raises(ContentError, match=rf"^/a: its content .* but its size is: {size}$"):
            writer.commit(tree_of(a=node))
    assert list(tmp_path.iterdir()) == []


def test_content_that_was_released_is_an_error(tmp_path: Path) -> None:
    with Ext4Writer(tmp_path / "image.ext4") as writer:
        node = stored(writer.store, SECRET)
        assert isinstance(node.content, Stored)
        writer.store.release(node.content)
        # as many blocks as are missing from the tree
        stored(writer.store, SECRET)
        with pytest.raises(ContentError, match=r"^/a: its content was released from its store$"):
            writer.commit(tree_of(a=node))
    assert list(tmp_path.iterdir()) == []


def test_release_twice_or_elsewhere_is_an_error(tmp_path: Path) -> None:
    with Ext4Writer(tmp_path / "one") as one, Ext4Writer(tmp_path / "two") as two:
        place = one.store.allocate(5)
        with pytest.raises(ValueError, match="no place in this store"):
            two.store.release(place)
        one.store.release(place)
        with pytest.raises(ValueError, match="no place in this store"):
            one.store.release(place)


def test_content_of_another_image(tmp_path: Path) -> None:
    with Ext4Writer(tmp_path / "one") as one, Ext4Writer(tmp_path / "two") as two:
        tree = tree_of(a=stored(one.store, SECRET), b=stored(two.store, b"b" * 9000))
        two.commit(tree)
    assert read_sound(tmp_path / "two") == {"/a": SECRET, "/b": b"b" * 9000}


def test_content_of_an_image_that_is_closed(tmp_path: Path) -> None:
    with Ext4Writer(tmp_path / "one") as one:
        node = stored(one.store, SECRET)
    with (
        Ext4Writer(tmp_path / "two") as two,
        pytest.raises(ContentError, match=r"^/a: its content is in an image that is closed$"),
    ):
        two.commit(tree_of(a=node))


def test_content_that_another_image_had_no_room_for(tmp_path: Path) -> None:
    with (
        Ext4Writer(tmp_path / "one", Options(size_bytes=1 << 20)) as one,
        Ext4Writer(tmp_path / "two") as two,
    ):
        tree = tree_of(a=stored(one.store, bytes(3 << 20)))
        with pytest.raises(ContentError, match=r"^/a: its content did not fit into the image"):
            two.commit(tree)


def test_second_commit_is_refused(tmp_path: Path) -> None:
    with Ext4Writer(tmp_path / "image.ext4") as writer:
        writer.commit(tree_of(a=file_of(b"1")))
        with pytest.raises(RuntimeError, match="second time"):
            writer.commit(tree_of(a=file_of(b"2")))
    assert read_sound(tmp_path / "image.ext4") == {"/a": b"1"}


def test_commit_after_an_error_in_the_tree(tmp_path: Path) -> None:
    with Ext4Writer(tmp_path / "image.ext4") as writer:
        tree = tree_of(a=stored(writer.store, SECRET), b=File(Metadata(mode=0o777777)))
        with pytest.raises(ContentError, match=r"^/b: its mode"):
            writer.commit(tree)
        tree.root.children = {b"c": file_of(b"c")}
        writer.commit(tree)
    assert read_sound(tmp_path / "image.ext4") == {"/c": b"c"}
    assert b"taken out" not in (tmp_path / "image.ext4").read_bytes()


def loops() -> dict[str, Tree]:
    """Return trees with a directory that has two names or contains itself."""
    itself = tree_of(d=Directory(PLAIN))
    inner = itself.root.children[b"d"]
    assert isinstance(inner, Directory)
    inner.children[b"me"] = inner
    far = tree_of(a=Directory(PLAIN, {b"b": Directory(PLAIN)}), z=file_of(b""))
    a = far.root.children[b"a"]
    assert isinstance(a, Directory)
    b = a.children[b"b"]
    assert isinstance(b, Directory)
    b.children[b"c"] = a
    root = tree_of(d=Directory(PLAIN))
    root.root.children[b"r"] = root.root
    shared = tree_of(a=Directory(PLAIN))
    shared.root.children[b"b"] = shared.root.children[b"a"]
    children = tree_of()
    children.root.children[b"same"] = Directory(PLAIN, children.root.children)
    return {"/d/me": itself, "/a/b/c": far, "/r": root, "/b": shared, "/same/same": children}


@pytest.mark.parametrize("path", loops())
def test_directory_with_two_names_or_inside_itself(path: str, tmp_path: Path) -> None:
    tree = loops()[path]
    message = rf"^{path}: a directory can have only one name$"
    with pytest.raises(ContentError, match=message):
        list(tree.nodes())
    with pytest.raises(ContentError, match=message):
        list(tree.walk())
    with Ext4Writer(tmp_path / "i") as writer, pytest.raises(ContentError, match=message):
        writer.commit(tree)
