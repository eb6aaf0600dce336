"""Paths in a tree: where they lead, what is made and replaced, what is refused."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from pyext4 import (
    ContentError,
    Device,
    Directory,
    File,
    Metadata,
    PathError,
    Symlink,
    Tree,
    open_ext4,
    write_ext4,
)
from pyext4.tree import Node

PLAIN = Metadata(mode=0o644)


def file() -> File:
    return File.of(b"text")


def link(target: bytes) -> Symlink:
    return Symlink(Metadata(mode=0o777), target)


def names(tree: Tree) -> list[bytes]:
    return [path for path, _ in tree.walk()]


def system() -> Tree:
    """A tree as images have them: /bin and /lib are links, one of them to nothing yet."""
    tree = Tree()
    tree.add(b"/usr/bin/sh", file())
    tree.add(b"/bin", link(b"usr/bin"))
    tree.add(b"/lib", link(b"/usr/lib"))
    tree.add(b"/etc/passwd", file())
    tree.add(b"/usr/up", link(b"../etc"))
    return tree


@pytest.mark.parametrize(
    "path", ["/etc/hostname", b"/etc/hostname", "etc/hostname", "./etc//hostname"]
)
def test_added_is_found_by_text_and_bytes(path: str | bytes) -> None:
    tree, node = Tree(), file()
    tree.add(path, node)
    assert tree.find(path) is node
    assert names(tree) == [b"/", b"/etc", b"/etc/hostname"]


def test_parents_are_0755_of_root() -> None:
    tree = Tree()
    tree.add("/a/b/c", file())
    parent = tree.find("/a/b")
    assert isinstance(parent, Directory)
    assert parent.meta == Metadata(mode=0o755, uid=0, gid=0, mtime_ns=0)


def test_parents_that_are_there_keep_their_attributes() -> None:
    tree = Tree()
    meta = Metadata(mode=0o1777, uid=7)
    tree.add("/tmp", Directory(meta))
    tree.add("/tmp/x", file())
    parent = tree.find("/tmp")
    assert isinstance(parent, Directory)
    assert parent.meta == meta
    assert list(parent.children) == [b"x"]


@pytest.mark.parametrize(
    ("path", "where"),
    [
        ("/bin/ls", b"/usr/bin/ls"),
        ("/lib/x/libc.so", b"/usr/lib/x/libc.so"),  # made behind a link that led nowhere
        ("/usr/up/fstab", b"/etc/fstab"),
        ("/bin/../up/fstab", b"/etc/fstab"),  # .. of what the link leads to
        ("/../../etc/fstab", b"/etc/fstab"),
        ("/new/../etc/fstab", b"/etc/fstab"),
    ],
)
def test_links_on_the_way_are_followed(path: str, where: bytes) -> None:
    tree, node = system(), file()
    tree.add(path, node)
    assert dict(tree.walk())[where] is node
    assert tree.find(path) is node


def test_link_above_the_root_stops_there() -> None:
    tree = Tree()
    tree.add("/out", link(b"../../../etc"))
    tree.add("/out/x", file())
    assert b"/etc/x" in names(tree)


def test_link_at_the_end_is_replaced_itself() -> None:
    tree = system()
    tree.add("/bin", directory := Directory(PLAIN))
    assert tree.find("/bin") is directory
    assert tree.find("/usr/bin/sh") is not None


@pytest.mark.parametrize("make", [file, lambda: Directory(PLAIN), lambda: link(b"x")])
def test_what_stood_there_goes(make: Callable[[], Node]) -> None:
    tree = system()
    node = make()
    tree.add("/usr", node)
    assert tree.find("/usr") is node
    assert tree.find("/usr/bin") is None


def test_second_name_is_a_hard_link(tmp_path: Path) -> None:
    tree, node = Tree(), file()
    tree.add("/a/one", node)
    tree.add("/b/two", node)
    write_ext4(tree, tmp_path / "image")
    with open_ext4(tmp_path / "image") as image:
        assert image.stat("/a/one") == image.stat("/b/two")
        assert image.stat("/a/one").links == 2


def test_root_is_replaced() -> None:
    tree, root = system(), Directory(PLAIN)
    tree.add("/", root)
    assert tree.root is root
    assert names(tree) == [b"/"]


def test_part_of_a_tree_becomes_the_root() -> None:
    tree = system()
    usr = tree.find("/usr")
    assert isinstance(usr, Directory)
    tree.add("/", usr)
    assert tree.find("/bin/sh") is not None


@pytest.mark.parametrize(
    ("path", "follow", "expected"),
    [
        ("/bin", False, b"/bin"),
        ("/bin", True, b"/usr/bin"),
        ("/bin/", False, b"/usr/bin"),
        ("/bin/.", False, b"/usr/bin"),
        ("/bin/..", False, b"/usr"),
        ("/lib", True, None),
        ("/lib", False, b"/lib"),
        ("/lib/x", False, None),
        ("/etc/passwd", True, b"/etc/passwd"),
        ("/etc/passwd/", False, None),
        ("/etc/passwd/.", False, None),
        ("/etc/passwd/x", False, None),
        ("/etc/passwd/..", False, None),
        ("/", False, b"/"),
        ("/..", False, b"/"),
        (".", False, b"/"),
        ("/nothing", False, None),
    ],
)
def test_finding(path: str, follow: bool, expected: bytes | None) -> None:  # noqa: FBT001  pytest passes parameters by name
    tree = system()
    node = tree.find(path, follow=follow)
    assert node is (None if expected is None else dict(tree.walk())[expected])


def chain(links: int) -> Tree:
    tree = Tree()
    tree.add("/end/file", file())
    tree.add("/0", link(b"end"))
    for number in range(1, links):
        tree.add(f"/{number}", link(b"%d" % (number - 1)))
    return tree


def test_40_links_are_followed() -> None:
    tree = chain(40)
    assert isinstance(tree.find("/39/file"), File)
    assert isinstance(tree.find("/39", follow=True), Directory)
    tree.add("/39/new", file())
    assert b"/end/new" in names(tree)


CIRCLES: dict[str, tuple[Callable[[], Tree], str]] = {
    "chain_41": (lambda: chain(41), "/40"),
    "itself": (lambda: circle(b"loop"), "/loop"),
    "through_root": (lambda: circle(b"/loop/x"), "/loop"),
}


def circle(target: bytes) -> Tree:
    tree = Tree()
    tree.add("/loop", link(target))
    return tree


@pytest.mark.parametrize("case", CIRCLES)
def test_circles_of_links_end(case: str) -> None:
    make, path = CIRCLES[case]
    tree = make()
    before = names(tree)
    message = f"^{path}/x: path goes through more than 40 symbolic links$"
    for call in (tree.find, tree.remove, lambda path: tree.add(path, file())):
        with pytest.raises(PathError, match=message) as caught:
            call(f"{path}/x")
        assert caught.value.path == f"{path}/x".encode()
    with pytest.raises(PathError, match="more than 40"):
        tree.find(path, follow=True)
    assert names(tree) == before


LONG = "n" * 256
REFUSED: dict[str, tuple[str | bytes, Node, str]] = {
    "below_a_file": ("/etc/passwd/x", file(), "/etc/passwd/x: not a directory on the way: passwd"),
    "far_below_a_file": ("/etc/passwd/x/y", file(), "not a directory on the way: passwd"),
    "file_in_between": ("/etc/passwd/../x", file(), "not a directory on the way: passwd"),
    "empty": ("", file(), "'': an empty path names nothing"),
    "empty_bytes": (b"", file(), "'': an empty path names nothing"),
    "root_file": ("/", file(), "/: is the root, so it must be a directory"),
    "root_dot": (".", file(), r"\.: is the root, so it must be a directory"),
    "file_slash": ("/etc/x/", file(), "/etc/x/: ends with a slash, so it must be a directory"),
    "dot_dot": ("/etc/..", Directory(PLAIN), r"/etc/\.\.: must not end in: \.\."),
    "name_256": (f"/etc/{LONG}", file(), "a name has 1 to 255 bytes and no NUL"),
    "parent_256": (f"/{LONG}/x", file(), "a name has 1 to 255 bytes and no NUL"),
    "nul": ("/etc/a\0b", file(), r"/etc/a\\x00b: a name has 1 to 255 bytes and no NUL"),
    "surrogate": ("/a\ud800", file(), r"/a\\ud800: is no UTF-8"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_and_nothing_changed(case: str) -> None:
    path, node, message = REFUSED[case]
    tree = system()
    before = names(tree)
    with pytest.raises(PathError, match=f"{message}$"):
        tree.add(path, node)
    assert names(tree) == before


def test_name_255() -> None:
    tree = Tree()
    tree.add("/" + "n" * 255, file())
    assert tree.find("/" + "n" * 255) is not None


def test_link_to_a_name_that_is_too_long() -> None:
    tree = Tree()
    tree.add("/link", link(b"n" * 256))
    with pytest.raises(PathError, match=r"^/link/x: path leads through a component of more than"):
        tree.add("/link/x", file())


def test_link_to_a_name_with_nul() -> None:
    tree = Tree()
    tree.add("/link", link(b"a\0b"))
    with pytest.raises(PathError, match=r"^/link/x: a name has 1 to 255 bytes and no NUL$"):
        tree.add("/link/x", file())


def test_directory_into_itself() -> None:
    tree = system()
    usr = tree.find("/usr")
    assert usr is not None
    for path in ("/usr/bin/again", "/bin/again", "/usr/new/again"):
        with pytest.raises(PathError, match=r"a directory can't stand in itself$"):
            tree.add(path, usr)
    with pytest.raises(PathError, match=r"a directory can't stand in itself$"):
        tree.add("/all", tree.root)
    assert tree.find("/usr/new") is None


@pytest.mark.parametrize("path", [None, 5, Path("/etc"), bytearray(b"/etc")])
def test_paths_of_wrong_types(path: object) -> None:
    tree = Tree()
    for call in (tree.find, tree.remove, lambda path: tree.add(path, file())):
        with pytest.raises(TypeError, match=r"^path: must be bytes or str, not \w+: "):
            call(path)  # type: ignore[arg-type]


@pytest.mark.parametrize("node", [None, b"text", "text", PLAIN, Tree()])
def test_nodes_of_wrong_types(node: object) -> None:
    with pytest.raises(TypeError, match=r"^node: must be Directory, File, .* not \w+: "):
        Tree().add("/a", node)  # type: ignore[arg-type]


def test_bytes_that_are_no_text() -> None:
    tree, node = Tree(), file()
    tree.add(b"/caf\xe9", node)
    assert tree.find("/caf\udce9") is node  # as os.listdir has it


def test_removing_returns_what_went() -> None:
    tree = system()
    node = tree.find("/usr/bin/sh")
    assert tree.remove("/bin/sh") is node
    assert tree.find("/usr/bin/sh") is None
    usr = tree.remove(b"/usr/")
    assert isinstance(usr, Directory)
    assert names(tree) == [b"/", b"/bin", b"/etc", b"/etc/passwd", b"/lib"]


def test_removing_a_link_keeps_what_it_leads_to() -> None:
    tree = system()
    assert isinstance(tree.remove("/bin"), Symlink)
    assert tree.find("/usr/bin/sh") is not None


def test_renaming() -> None:
    tree = system()
    tree.add("/sbin/sh", tree.remove("/bin/sh"))
    assert b"/sbin/sh" in names(tree)
    assert b"/usr/bin/sh" not in names(tree)


def test_other_names_stay() -> None:
    tree, node = Tree(), file()
    tree.add("/one", node)
    tree.add("/two", node)
    tree.remove("/one")
    assert tree.find("/two") is node


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/nothing", "no such file or directory"),
        ("/nothing/below", "no such file or directory"),
        ("/etc/passwd/x", "no such file or directory"),
        ("/lib/x", "no such file or directory"),
        ("/", "the root can't be removed"),
        ("/.", "the root can't be removed"),
        ("/etc/..", r"must not end in: \.\."),
        ("/etc/passwd/", "ends with a slash, but is not a directory"),
        ("/bin/", "ends with a slash, but is not a directory"),
        ("", "an empty path names nothing"),
    ],
)
def test_removing_what_can_not_go(path: str, reason: str) -> None:
    tree = system()
    before = names(tree)
    with pytest.raises(PathError, match=f": {reason}$") as caught:
        tree.remove(path)
    assert caught.value.path == path.encode()
    assert names(tree) == before


def test_file_of_bytes() -> None:
    node = File.of(b"host\n", mode=0o600, uid=1, gid=2, mtime_ns=3, xattrs=((b"user.a", b"b"),))
    assert (node.size, node.content) == (5, b"host\n")
    assert node.meta == Metadata(mode=0o600, uid=1, gid=2, mtime_ns=3, xattrs=((b"user.a", b"b"),))
    assert File.of(b"").meta.mode == 0o644


def test_file_of_the_host(tmp_path: Path) -> None:
    path = tmp_path / "host"
    path.write_bytes(b"12345")
    path.chmod(0o600)
    tree = Tree()
    tree.add("/file", node := File.of(path))
    assert (node.size, node.content, node.meta.mode) == (5, path, 0o644)
    write_ext4(tree, tmp_path / "image")
    with open_ext4(tmp_path / "image") as image:
        assert image.read("/file") == b"12345"


def test_file_of_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ContentError, match="not a regular file"):
        File.of(tmp_path)
    with pytest.raises(FileNotFoundError):
        File.of(tmp_path / "missing")
    for content in ("text", 5, bytearray(b"x"), None):
        with pytest.raises(TypeError, match=r"^content: must be bytes or Path, not \w+: "):
            File.of(content)  # type: ignore[arg-type]


def test_other_nodes_can_be_added() -> None:
    tree = Tree()
    tree.add("/dev/null", Device(Metadata(mode=0o666), stat.S_IFCHR, 1, 3))
    assert isinstance(tree.find("/dev/null"), Device)


def test_reader_takes_the_same_text(tmp_path: Path) -> None:
    tree = Tree()
    tree.add(b"/caf\xe9/x", file())
    write_ext4(tree, tmp_path / "image")
    with open_ext4(tmp_path / "image") as image:
        assert image.lookup("/caf\udce9/x").size == 4
        assert image.read("/caf\udce9/x") == b"text"
        with pytest.raises(PathError, match=r"^/a\\ud800: is no UTF-8$"):
            image.lookup("/a\ud800")
        with pytest.raises(TypeError, match=r"^path: must be bytes or str, not int: 5$"):
            image.lookup(5)  # type: ignore[arg-type]
