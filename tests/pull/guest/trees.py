"""Small merged trees, as layers make them, and guests made from them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from flatten import Spool, flatten
from pull.guest.init.boot_file import BootFile
from pull.guest.options import BootOptions
from pull.guest.prepare import Guest, prepare
from pyext4.content import open_content
from pyext4.tree import File, Node, Tree
from tests.flatten import tars

__all__ = ["INIT", "TIME_NS", "Applied", "at", "config", "content", "guest_of", "make", "tree_of"]

TIME_NS = 1_700_000_000 * 1_000_000_000
INIT = b"\x7fELF our init"

PASSWD = b"root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001:App,,,:/home/app:/bin/sh\n"
GROUP = b"root:x:0:\nwheel:x:10:root,app\napp:x:1001:\nvideo:x:44:app\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """A guest, and the tree with its layer on top."""

    guest: Guest
    tree: Tree

    @property
    def boot(self) -> BootFile:
        assert self.guest.boot is not None
        return self.guest.boot


def make(*members: bytes) -> tuple[Tree, Spool]:
    store = Spool()
    return flatten([tars.layer(*members)], into=store), store


def tree_of(files: Mapping[str, bytes]) -> Tree:
    """A tree of files, 0644, and those under bin, sbin and lib 0755."""
    return make(*(_file(name, data) for name, data in files.items()))[0]


def _file(name: str, data: bytes) -> bytes:
    executable = "bin/" in name or "lib/" in name or "init.d/" in name
    return tars.file(name.encode(), data, mode=0o755 if executable else 0o644)


def config(**fields: object) -> bytes:
    """An image's config whose `config` object has these fields."""
    return json.dumps({"os": "linux", "architecture": "amd64", "config": fields}).encode()


def guest_of(
    *members: bytes, image: bytes | None = None, options: BootOptions | None = None
) -> Applied:
    tree, store = make(*members)
    guest = prepare(
        tree,
        config(Cmd=["/bin/app"]) if image is None else image,
        BootOptions(mode="auto") if options is None else options,
        where="image:tag",
        time_ns=TIME_NS,
        init=lambda: INIT,
    )
    flatten([guest.layer], into=store, onto=tree)
    return Applied(guest=guest, tree=tree)


def at(tree: Tree, path: str) -> Node:
    """The node of a path without symbolic links."""
    node: Node = tree.root
    for name in path.strip("/").split("/"):
        node = node.children[name.encode()]  # type: ignore[union-attr]
    return node


def content(tree: Tree, path: str) -> bytes:
    node = at(tree, path)
    assert isinstance(node, File)
    with open_content(node) as stream:
        return stream.read()
