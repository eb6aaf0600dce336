"""Layers made from host files, merged on top of others by the same rules."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from flatten import HostError, LayerError, OutputError, flatten
from flatten.host_layers import Addition, added_layer, parse_addition, tar_layer
from tests.flatten.outputs.listings import listing
from tests.flatten.tars import directory, file, layer, symlink, tar, whiteout
from tests.oracle_tools import refuse


def stamped(path: Path, mode: int, time: int = 0) -> Path:
    path.chmod(mode)
    os.utime(path, (time, time))
    return path


@pytest.fixture
def host(tmp_path: Path) -> Path:
    top = tmp_path / "top"
    (top / "sub").mkdir(parents=True)
    (top / "sub" / "b").write_bytes(b"2")
    (top / "a").write_bytes(b"1")
    (top / "c").hardlink_to(top / "a")
    (top / "l").symlink_to("sub/b")
    stamped(top / "a", 0o755, 5)
    stamped(top / "sub" / "b", 0o600)
    os.utime(top / "l", (0, 0), follow_symlinks=False)
    stamped(top / "sub", 0o750)
    return stamped(top, 0o711, 9)


@pytest.mark.parametrize(
    ("text", "addition"),
    [
        ("a:/b", Addition(host=Path("a"), image=b"/b")),
        ("a:/b:4755", Addition(host=Path("a"), image=b"/b", mode=0o4755)),
        ("a:/b::7", Addition(host=Path("a"), image=b"/b", uid=7)),
        (
            "a:/b:0:7:4294967294",
            Addition(host=Path("a"), image=b"/b", mode=0, uid=7, gid=4294967294),
        ),
        ("a:/b:::8", Addition(host=Path("a"), image=b"/b", gid=8)),
        ("a:/\udcff", Addition(host=Path("a"), image=b"/\xff")),
    ],
)
def test_additions_are_parsed(text: str, addition: Addition) -> None:
    assert parse_addition(text) == addition


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a", "is not of the form"),
        ("", "is not of the form"),
        (":/b", "is not of the form"),
        ("a:/b:1:2:3:4", "is not of the form"),
        ("a:b", "path in the image is not absolute: b"),
        ("a:", "path in the image is not absolute: "),
        ("a:/b:8", "mode is not an octal number up to 7777: 8"),
        ("a:/b:10000", "mode is not an octal number up to 7777: 10000"),
        ("a:/b::-1", "owner or group is not a number up to 4294967294: -1"),
        ("a:/b::4294967295", "owner or group is not a number up to 4294967294: 4294967295"),
        ("a:/b:::root", "owner or group is not a number up to 4294967294: root"),
        ("a:/b::\u0663", "owner or group is not a number"),
    ],
)
def test_what_is_no_addition(text: str, reason: str) -> None:
    with pytest.raises(HostError) as caught:
        parse_addition(text)
    assert caught.value.subject == text
    assert reason in caught.value.reason


def test_a_file_belongs_to_root_and_keeps_mode_and_time(host: Path) -> None:
    made = added_layer(parse_addition(f"{host}/a:/usr/bin/a"))
    assert listing(flatten([layer(directory(b"usr", 0o700)), made])) == {
        "usr": "dir | mode=700",
        "usr/bin": "dir",
        "usr/bin/a": "file 1 | mode=755 mtime=5",
    }


def test_mode_and_owner_as_asked(host: Path) -> None:
    made = added_layer(parse_addition(f"{host}/a:/a:4711:70000:8"))
    assert listing(flatten([made])) == {"a": "file 1 | mode=4711 uid=70000 gid=8 mtime=5"}


def test_a_symlinked_host_file_is_its_target(host: Path) -> None:
    made = added_layer(parse_addition(f"{host}/l:/a"))
    assert listing(flatten([made])) == {"a": "file 2 | mode=600"}


def test_a_directory_with_all_that_is_in_it(host: Path) -> None:
    made = added_layer(parse_addition(f"{host}:/opt:755:5"))
    assert listing(flatten([layer(directory(b"opt", 0o700), file(b"opt/x", b"0")), made])) == {
        "opt": "dir | uid=5 mtime=9",
        "opt/a": "file 1 | mode=755 uid=5 mtime=5",
        "opt/c": "= opt/a",
        "opt/l": "-> sub/b | uid=5",
        "opt/sub": "dir | mode=750 uid=5",
        "opt/sub/b": "file 2 | mode=600 uid=5",
        "opt/x": "file 0",
    }


def test_a_directory_over_the_root(host: Path) -> None:
    tree = flatten([layer(file(b"x", b"0")), added_layer(parse_addition(f"{host}:/"))])
    assert listing(tree)["."] == "dir | mode=711 mtime=9"
    assert listing(tree)["sub/b"] == "file 2 | mode=600"
    assert listing(tree)["x"] == "file 0"


def test_paths_in_the_image_follow_its_symlinks(host: Path) -> None:
    below = layer(directory(b"usr/bin"), symlink(b"bin", b"usr/bin"))
    tree = flatten([below, added_layer(parse_addition(f"{host}/sub/b:/bin/b"))])
    assert listing(tree)["usr/bin/b"] == "file 2 | mode=600"


def test_attributes_of_the_host_stay_behind(host: Path) -> None:
    try:
        os.setxattr(host / "a", "user.secret", b"1")
    except OSError:
        refuse("this filesystem has no user xattrs")
    assert "secret" not in listing(flatten([added_layer(parse_addition(f"{host}:/"))]))["a"]


def test_an_addition_that_climbs_out_is_refused(host: Path) -> None:
    made = added_layer(parse_addition(f"{host}/a:/../a"))
    with pytest.raises(LayerError, match="leaves the root"):
        flatten([made])


def test_what_is_neither_file_nor_directory(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "p")
    with pytest.raises(HostError, match="is neither a file nor a directory"):
        added_layer(parse_addition(f"{tmp_path}/p:/p"))
    with pytest.raises(FileNotFoundError):
        added_layer(parse_addition(f"{tmp_path}/q:/q"))


def test_a_file_that_shrinks_while_it_is_read(host: Path) -> None:
    (host / "a").write_bytes(b"x" * 5_000_000)
    made = added_layer(parse_addition(f"{host}/a:/a"))
    with made.open() as stream:
        stream.read(1024)
        os.truncate(host / "a", 1_500_000)
        with pytest.raises(OutputError, match="/a: content is 3500000 bytes short"):
            stream.read()


def test_a_tar_of_the_host_plain_or_compressed(tmp_path: Path) -> None:
    content = tar([whiteout(b"a"), file(b"b", b"2")])
    for blob in (content, gzip.compress(content)):
        path = tmp_path / "extra"
        path.write_bytes(blob)
        assert listing(flatten([layer(file(b"a", b"1")), tar_layer(path)])) == {"b": "file 2"}


def test_errors_name_the_host_file(tmp_path: Path) -> None:
    path = tmp_path / "extra.tar"
    path.write_bytes(b"no tar" * 200)
    with pytest.raises(LayerError) as caught:
        flatten([tar_layer(path)])
    assert str(caught.value).startswith(f"layer {path}: header checksum is wrong")
