"""Where --add puts things: as cp(1), `docker cp` and COPY do, and never over a directory."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from flatten import HostError, LayerError, flatten
from flatten.host_layers import Addition, added_layer, parse_addition
from pull.command.main import main
from tests.flatten.outputs.listings import listing
from tests.flatten.tars import MemoryLayer, directory, file, layer, symlink
from tests.pull.registry.images import make_image, make_tar, write_layout

BELOW = layer(
    directory(b"etc", 0o711),
    file(b"etc/passwd", b"root"),
    symlink(b"conf", b"etc"),
    symlink(b"far", b"/conf"),
    symlink(b"tofile", b"etc/passwd"),
    symlink(b"nowhere", b"gone"),
    directory(b"etc/f"),
    file(b"etc/f/keep"),
    directory(b"usr/bin"),
    symlink(b"bin", b"usr/bin"),
)


@pytest.fixture
def host(tmp_path: Path) -> Path:
    (tmp_path / "x").write_bytes(b"new")
    (tmp_path / "f").write_bytes(b"new")
    (tmp_path / "link").symlink_to("x")
    top = tmp_path / "top"
    (top / "bin").mkdir(parents=True)
    (top / "bin/tool").write_bytes(b"tool")
    for path in (tmp_path / "x", tmp_path / "f", top / "bin/tool", top / "bin", top):
        path.chmod(0o755)
        os.utime(path, (0, 0))
    return tmp_path


def added(host: Path, *texts: str, below: tuple[MemoryLayer, ...] = (BELOW,)) -> dict[str, str]:
    return listing(
        flatten([*below, *(added_layer(parse_addition(f"{host}/{text}")) for text in texts)])
    )


NEW = "file new | mode=755"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("x:/etc/", "etc/x"),
        ("x:/etc", "etc/x"),
        ("x:/etc//", "etc/x"),
        ("x:/etc/.", "etc/x"),
        ("x:/etc/f/..", "etc/x"),
        ("x:/conf", "etc/x"),
        ("x:/conf/", "etc/x"),
        ("x:/far", "etc/x"),
        ("x:/far/y", "etc/y"),
        ("x:/", "x"),
        ("x:/etc/..", "x"),
        ("x:/new/", "new/x"),
        ("x:/new/er/", "new/er/x"),
        ("x:/nowhere/", "gone/x"),
        ("x:/new", "new"),
        ("x:/new/y", "new/y"),
        ("x:/etc/passwd", "etc/passwd"),
        ("x:/tofile", "tofile"),  # a name is replaced, not what it points to: as layers do
        ("x:/nowhere", "nowhere"),
        ("link:/etc/", "etc/link"),
        ("x:/bin", "usr/bin/x"),
    ],
)
def test_a_file(text: str, place: str, host: Path) -> None:
    before = listing(flatten([BELOW]))
    after = added(host, text)
    assert after.pop(place) == NEW
    before.pop(place, None)
    for parent in ("new", "new/er", "gone"):
        if parent in after:
            assert after.pop(parent) == "dir"
    assert after == before


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x:/etc/passwd/x", "etc/passwd/x: is not a directory in the image: passwd"),
        ("x:/etc/passwd/x/", "etc/passwd/x: is not a directory in the image: passwd"),
        ("x:/etc/passwd/", "etc/passwd: is not a directory in the image: passwd"),
        ("x:/tofile/", "tofile: is not a directory in the image: passwd"),
        ("x:/tofile/x", "tofile/x: is not a directory in the image: passwd"),
        ("f:/etc", "etc: would replace a directory of the image: f"),
        ("f:/etc/", "etc: would replace a directory of the image: f"),
        ("top:/etc/passwd", "etc/passwd: is not a directory in the image: passwd"),
        ("top:/etc/passwd/x", "etc/passwd/x: is not a directory in the image: passwd"),
        ("x:/etc/.wh.passwd", "etc/.wh.passwd: name is reserved for whiteouts"),
        ("x:/../x", "path leaves the root by .."),
        ("x:/../", "path leaves the root by .."),
    ],
)
def test_what_is_refused(text: str, reason: str, host: Path) -> None:
    with pytest.raises(LayerError) as caught:
        added(host, text)
    assert str(caught.value).startswith(f"layer {host}/{text.partition(':')[0]}: ")
    assert reason in str(caught.value)


def test_a_file_named_like_a_marker_is_no_marker(host: Path) -> None:
    (host / ".wh.passwd").write_bytes(b"")
    with pytest.raises(LayerError, match="etc: name is reserved for whiteouts"):
        added(host, ".wh.passwd:/etc/")


def test_one_on_the_other_in_order(host: Path) -> None:
    after = added(host, "x:/a/", "x:/a", "f:/a/b", "x:/a/b", below=())
    assert after == {"a": "dir", "a/x": NEW, "a/b": NEW}
    with pytest.raises(LayerError, match="a/y: is not a directory in the image: a"):
        added(host, "x:/a", "x:/a/y", below=())


def test_a_directory_over_links_to_directories(host: Path) -> None:
    after = added(host, "top:/")
    assert after["bin"] == "-> usr/bin"
    assert after["usr/bin/tool"] == "file tool | mode=755"
    after = added(host, "top/bin:/bin:700")
    assert after["bin"] == "-> usr/bin"
    assert after["usr/bin"] == "dir | mode=700"
    assert after["usr/bin/tool"] == "file tool | mode=755"


def in_the_place_of_a_directory(top: Path) -> None:
    (top / "etc").write_bytes(b"")


def a_link_in_the_place_of_a_directory(top: Path) -> None:
    (top / "etc").symlink_to("usr")


def a_hard_link_in_the_place_of_a_directory(top: Path) -> None:
    (top / "etc").hardlink_to(top / "bin/tool")


@pytest.mark.parametrize(
    "make",
    [
        in_the_place_of_a_directory,
        a_link_in_the_place_of_a_directory,
        a_hard_link_in_the_place_of_a_directory,
    ],
)
def test_what_is_in_a_directory_does_not_replace_directories(
    make: Callable[[Path], None], host: Path
) -> None:
    make(host / "top")
    with pytest.raises(LayerError, match="etc: would replace a directory of the image: etc"):
        added(host, "top:/")


def test_colons_in_the_name_of_the_host(host: Path) -> None:
    (host / "a:b").write_bytes(b"new")
    assert parse_addition("a:b:/etc/:600").host == Path("a:b")
    assert added(host, "a:b:/etc/:755")["etc/a:b"].startswith("file new | mode=755")


def test_a_file_of_proc_that_says_it_is_empty() -> None:
    made = added_layer(Addition(host=Path("/proc/version"), image=b"/"))
    assert listing(flatten([made]))["version"].startswith("file Linux version ")


def test_a_file_that_is_something_else_when_it_is_read(host: Path) -> None:
    made = added_layer(parse_addition(f"{host}/x:/x"))
    (host / "x").unlink()
    with pytest.raises(FileNotFoundError, match=r"/x'$"):
        flatten([made])
    (host / "x").mkdir()
    with pytest.raises(HostError, match="/x: was a file but no longer is"):
        flatten([made])


@pytest.mark.parametrize(("mtime", "capped"), [(500, 500), (1000, 1000), (1001, 1000)])
def test_times_are_no_later_than_asked(mtime: int, capped: int, host: Path) -> None:
    for path in (host / "x", host / "top/bin/tool", host / "top/bin", host / "top"):
        os.utime(path, ns=(0, mtime * 10**9 + (mtime > 1000)))
    one = added_layer(parse_addition(f"{host}/x:/x"), latest=1000)
    tree = flatten([one, added_layer(parse_addition(f"{host}/top:/top"), latest=1000)])
    times = {node.meta.mtime_ns for node in tree.nodes() if node is not tree.root}
    assert times == {capped * 10**9}


def checkout(path: Path, mtime: int) -> Path:
    """The same files at another time, as from version control."""
    (path / "sub").mkdir(parents=True)
    for number, name in enumerate(("a", "sub/b")):
        (path / name).write_bytes(b"%d" % number)
        (path / name).chmod(0o644)
    (path / "l").symlink_to("a")
    for below in (path, path / "sub"):
        below.chmod(0o755)
    for name in ("a", "sub/b", "l", "sub", ""):
        os.utime(path / name, (mtime, mtime + number), follow_symlinks=False)
    return path


def test_a_fresh_checkout_gives_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_layout(tmp_path / "layout", {"": make_image([make_tar({"x": b"1"})])})
    images = []
    for number, epoch in enumerate(("1000000000", "1000000000", "")):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
        if not epoch:
            monkeypatch.delenv("SOURCE_DATE_EPOCH")
        (tmp_path / str(number)).mkdir()
        monkeypatch.chdir(tmp_path / str(number))
        checkout(Path("tree"), 1_100_000_000 + 1000 * number)
        command = ["-q", f"oci:{tmp_path}/layout", "out", "--platform", "linux/amd64"]
        assert main([*command, "--add", "tree:/t", "--add", "tree/a:/t/sub"]) == 0
        images.append(Path("out").read_bytes())
    assert images[0] == images[1]
    assert images[0] != images[2]


def test_a_source_date_epoch_that_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "soon")
    (tmp_path / "x").write_bytes(b"")
    assert main(["--list", f"oci:{tmp_path}/none", "--add", f"{tmp_path}/x:/x"]) == 1
    assert "SOURCE_DATE_EPOCH: is not a number: 'soon'" in capsys.readouterr().err


@pytest.mark.parametrize("place", ["d/", "d", "d/.", "l", "l/", "new", "f", "d/n"])
def test_cp_puts_files_at_the_same_places(place: str, host: Path) -> None:
    """Those of the places for which cp makes no difference between a link and its target."""
    root = host / "root"
    (root / "d").mkdir(parents=True)
    (root / "l").symlink_to("d")
    (root / "f").write_bytes(b"old")
    subprocess.run(["cp", host / "x", f"{root}/{place}"], check=True)
    copied = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    below = layer(directory(b"d"), symlink(b"l", b"d"), file(b"f", b"old"))
    files = {
        name for name, what in added(host, f"x:/{place}", below=(below,)).items() if "file" in what
    }
    assert files == copied
