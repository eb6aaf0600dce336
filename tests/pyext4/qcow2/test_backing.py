"""Names of bases, and files that can't be one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pyext4 import OptionsError, write_qcow2
from pyext4.qcow2.backing import backing_name


@pytest.fixture
def images(tmp_path: Path) -> Path:
    for name in ("image", "base.ext4"):
        (tmp_path / name).write_bytes(name.encode().ljust(8192))
    return tmp_path


def test_name_beside(images: Path) -> None:
    assert backing_name(images / "base.ext4", images / "out.qcow2") == b"base.ext4"


def test_name_below(images: Path) -> None:
    (images / "bases").mkdir()
    (images / "base.ext4").rename(images / "bases/one")
    assert backing_name(images / "bases/one", images / "out.qcow2") == b"bases/one"


def test_name_elsewhere(images: Path) -> None:
    (images / "machine").mkdir()
    name = backing_name(images / "base.ext4", images / "machine/out.qcow2")
    assert name == os.fsencode(images.resolve() / "base.ext4")


def test_name_from_the_working_directory(images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(images)
    assert backing_name(Path("base.ext4"), Path("out.qcow2")) == b"base.ext4"


def test_name_through_a_link(images: Path) -> None:
    """A link may be moved to another base; dots behind a link to a directory mean its parent."""
    (images / "latest").symlink_to("base.ext4")
    assert backing_name(images / "latest", images / "out.qcow2") == b"base.ext4"
    (images / "far/away").mkdir(parents=True)
    (images / "link").symlink_to("far/away")
    name = backing_name(images / "base.ext4", images / "link/../out.qcow2")
    assert name == os.fsencode(images.resolve() / "base.ext4")


def test_name_with_a_colon(images: Path) -> None:
    (images / "base.ext4").rename(images / "nbd:localhost")
    assert backing_name(images / "nbd:localhost", images / "out.qcow2") == b"./nbd:localhost"


def test_name_1023_and_1024(images: Path) -> None:
    below = images.joinpath(*["d" * 200] * 5)
    below.mkdir(parents=True)
    longest = below / ("b" * (1023 - 5 * 201))
    longest.touch()
    assert len(backing_name(longest, images / "out.qcow2")) == 1023
    longer = longest.rename(f"{longest}b")
    with pytest.raises(OptionsError, match=r"^base: its path must be up to 1023 bytes for qcow2: "):
        write_qcow2(images / "image", longer, images / "out.qcow2")


def left_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


@pytest.mark.parametrize("link", ["the name", "a symbolic link", "a hard link"])
def test_an_input_is_not_replaced(images: Path, link: str) -> None:
    for which in ("base", "image"):
        source = images / {"base": "base.ext4", "image": "image"}[which]
        out = source if link == "the name" else images / f"{which}.qcow2"
        if link == "a symbolic link":
            out.symlink_to(source)
        elif link == "a hard link":
            out.hardlink_to(source)
        before = left_in(images)
        with pytest.raises(OptionsError, match=f"^{which}: would be replaced by the output: "):
            write_qcow2(images / "image", images / "base.ext4", out)
        assert left_in(images) == before
        assert source.read_bytes() == source.name.encode().ljust(8192)


def test_a_loop_of_links(images: Path) -> None:
    (images / "loop").symlink_to("loop")
    for base, out in (("loop", "out.qcow2"), ("base.ext4", "loop/out.qcow2")):
        with pytest.raises(OSError, match="Too many levels of symbolic links") as caught:
            write_qcow2(images / "image", images / base, images / out)
        assert "loop" in caught.value.filename


def test_a_directory_is_no_base(images: Path) -> None:
    with pytest.raises(OptionsError, match=r"^base: is not a regular file: "):
        write_qcow2(images / "image", images, images / "out.qcow2")


@pytest.mark.parametrize("missing", ["image", "base.ext4"])
def test_a_missing_file_is_named(images: Path, missing: str) -> None:
    (images / missing).unlink()
    with pytest.raises(FileNotFoundError) as caught:
        write_qcow2(images / "image", images / "base.ext4", images / "out.qcow2")
    assert caught.value.filename == str(images / missing)
    assert left_in(images) == sorted({"image", "base.ext4"} - {missing})


def test_a_full_disk_names_the_output(images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(OSError, match="No space left") as caught:
        write_qcow2(images / "image", images / "base.ext4", images / "out.qcow2")
    assert caught.value.filename == str(images / "out.qcow2")
    assert left_in(images) == ["base.ext4", "image"]
