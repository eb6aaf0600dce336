"""Texts given by hand: where they go, and what is no place for one."""

from __future__ import annotations

import pytest

from flatten import flatten
from flatten.errors import HostError, LayerError
from flatten.text_layer import Text, parse_text, text_layer
from tests.flatten.outputs.listings import listing
from tests.flatten.tars import MemoryLayer, directory, file, hardlink, layer, symlink

IMAGE = layer(
    directory(b"etc", 0o700, uid=5),
    file(b"etc/old", b"old", mode=0o600, uid=7),
    hardlink(b"etc/other", b"etc/old"),
    directory(b"usr/lib"),
    symlink(b"lib", b"usr/lib"),
    symlink(b"file", b"etc/old"),
    symlink(b"dangling", b"/nowhere"),
)


def merged(text: str, image: MemoryLayer = IMAGE) -> dict[str, str]:
    return listing(flatten([image, text_layer(parse_text(text), time_ns=5_000_000_000)]))


@pytest.mark.parametrize(
    ("text", "path", "content"),
    [
        ("/new=text", "new", "file text | mtime=5"),
        ("/empty=", "empty", "file  | mtime=5"),
        ("/eq=a=b\\n$HOME\n", "eq", "file a=b\\n$HOME\n | mtime=5"),
        ("/a/b/c=deep", "a/b/c", "file deep | mtime=5"),
        ("/etc/old=new", "etc/old", "file new | mtime=5"),  # no owner or mode of the old one
        ("/lib/x=through", "usr/lib/x", "file through | mtime=5"),
        ("//etc/./../etc/y=clean", "etc/y", "file clean | mtime=5"),
        ("/file=instead", "file", "file instead | mtime=5"),
        ("/dangling=instead", "dangling", "file instead | mtime=5"),
    ],
)
def test_where_it_goes(text: str, path: str, content: str) -> None:
    found = merged(text)
    assert found[path] == content
    assert found["etc"] == "dir | mode=700 uid=5"
    assert found["etc/other"] in ("file old | mode=600 uid=7", "= etc/old")


@pytest.mark.parametrize("text", ["/etc=x", "/lib=x", "/usr/lib=x", "/etc/old/x=x", "/../x=x"])
def test_no_place_for_a_text(text: str) -> None:
    with pytest.raises(LayerError) as raised:
        merged(text)
    assert str(raised.value).startswith(f"layer text {text.removesuffix('=x')}: ")


@pytest.mark.parametrize(
    "text", ["", "x", "=x", "/x", "x=y", "/=x", "/x/=y", "/x/.=y", "/x/..=y", "./x=y"]
)
def test_no_text(text: str) -> None:
    with pytest.raises(HostError):
        parse_text(text)


def test_a_nul() -> None:
    with pytest.raises(HostError, match="NUL"):
        Text(image=b"/a\0b", content=b"")
    assert Text(image=b"/a", content=b"\0").content == b"\0"


def test_a_name_like_a_whiteout_hides_nothing() -> None:
    with pytest.raises(LayerError, match="reserved for whiteouts"):
        merged("/etc/.wh.old=x")
