"""Which kernel and initrd an image has, and how they are copied out."""

from __future__ import annotations

import bz2
import gzip
import lzma
import struct
import sys
from pathlib import Path

import pytest

from pull.guest.init.errors import KernelError
from pull.guest.kernel.files import KernelFiles, newest_kernel, version_key
from pull.guest.kernel.vmlinux import unpacked
from tests.flatten import tars
from tests.pull.guest.trees import make, tree_of

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

ELF = b"\x7fELF" + bytes(range(256)) * 40
IMAGE = b"MZ" + bytes(54) + b"ARM\x64" + bytes(100)


@pytest.mark.parametrize(
    "ordered",
    [
        ["6.1.0-9-amd64", "6.1.0-10-amd64"],
        ["6.1.0-rc9", "6.1.0", "6.1.0-1"],
        ["6.9.12", "6.10.1"],
        ["5.15.0-91-generic", "5.15.0-101-generic"],
        ["6.1.0-28-amd64", "6.1.0-28-cloud-amd64", "6.1.0-29-amd64"],
        ["0-rescue-2f1c", "4.18.0-553.el8.x86_64", "4.18.0-553.5.1.el8_10.x86_64"],
        ["lts", "6.6.1"],
    ],
)
def test_versions_in_order(ordered: list[str]) -> None:
    names = [name.encode() for name in ordered]
    assert sorted(sorted(names, reverse=True), key=version_key) == names


@pytest.mark.parametrize(
    ("names", "kernel", "initrd"),
    [
        (
            [
                "boot/vmlinuz-6.1.0-9-amd64",
                "boot/vmlinuz-6.1.0-10-amd64",
                "boot/initrd.img-6.1.0-9-amd64",
                "boot/initrd.img-6.1.0-10-amd64",
            ],
            "boot/vmlinuz-6.1.0-10-amd64",
            "boot/initrd.img-6.1.0-10-amd64",
        ),
        (
            ["boot/vmlinuz-6.1", "boot/vmlinuz-6.2.old", "boot/.vmlinuz-7.hmac", "boot/initrd-6.1"],
            "boot/vmlinuz-6.1",
            "boot/initrd-6.1",
        ),
        (["boot/vmlinuz-lts", "boot/initramfs-lts"], "boot/vmlinuz-lts", "boot/initramfs-lts"),
        (
            ["boot/vmlinuz-linux", "boot/initramfs-linux.img", "boot/initramfs-linux-fallback.img"],
            "boot/vmlinuz-linux",
            "boot/initramfs-linux.img",
        ),
        (
            ["usr/lib/modules/6.4/vmlinuz", "usr/lib/modules/6.4/initramfs.img"],
            "usr/lib/modules/6.4/vmlinuz",
            "usr/lib/modules/6.4/initramfs.img",
        ),
        (["vmlinuz", "initrd.img"], "vmlinuz", "initrd.img"),
        (
            ["boot/Image-6.4-default", "boot/initrd-6.4-default"],
            *(["boot/Image-6.4-default"]),
            "boot/initrd-6.4-default",
        ),
    ],
)
def test_pairs_of_distributions(tmp_path: Path, names: list[str], kernel: str, initrd: str) -> None:
    tree = tree_of({name: name.encode() for name in names})
    with KernelFiles(tmp_path / "k", tmp_path / "i") as files:
        files.write(tree)
        assert not (tmp_path / "k").exists()
        files.publish()
    assert (tmp_path / "k").read_bytes() == kernel.encode()
    assert (tmp_path / "i").read_bytes() == initrd.encode()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["i", "k"]


def test_links_are_followed() -> None:
    tree, _ = make(
        tars.symlink(b"boot", b"usr/boot"),
        tars.file(b"usr/lib/kernels/one", b"kernel"),
        tars.symlink(b"usr/boot/vmlinuz-6.1", b"../lib/kernels/one"),
        tars.symlink(b"usr/boot/vmlinuz-6.2", b"nowhere"),
        tars.file(b"usr/boot/vmlinuz-6.3", b""),
        tars.directory(b"usr/boot/vmlinuz-6.4"),
    )
    found = newest_kernel(tree)
    assert found is not None
    assert (found.version, found.found.path) == (b"6.1", b"/usr/lib/kernels/one")


def test_the_link_in_the_root_counts_where_no_name_has_a_version(tmp_path: Path) -> None:
    tree, _ = make(tars.symlink(b"vmlinuz", b"boot/k"), tars.file(b"boot/k", b"kernel"))
    with KernelFiles(tmp_path / "k") as files:
        files.write(tree)
        files.publish()
    assert (tmp_path / "k").read_bytes() == b"kernel"


@pytest.mark.parametrize(
    ("names", "wanted", "message"),
    [
        ([], "k", "/boot/vmlinuz-* in the image: there is no kernel"),
        ([], "i", "/boot/initrd.img-* in the image: there is no initrd and no kernel"),
        (
            ["boot/vmlinuz-6.2", "boot/initrd.img-6.1"],
            "i",
            "/boot/initrd.img-* in the image: there is no initrd for /boot/vmlinuz-6.2",
        ),
    ],
)
def test_what_is_missing(tmp_path: Path, names: list[str], wanted: str, message: str) -> None:
    tree = tree_of(dict.fromkeys(names, b"1"))
    out = tmp_path / "out"
    with (
        pytest.raises(KernelError) as caught,
        KernelFiles(out if wanted == "k" else None, out if wanted == "i" else None) as files,
    ):
        files.write(tree)
    assert str(caught.value).startswith(message)
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_published_is_gone(tmp_path: Path) -> None:
    (tmp_path / "k").write_bytes(b"before")
    tree = tree_of({"boot/vmlinuz-1": b"kernel"})
    with KernelFiles(tmp_path / "k") as files:
        files.write(tree)
        files.write(tree)
    assert [path.name for path in tmp_path.iterdir()] == ["k"]
    assert (tmp_path / "k").read_bytes() == b"before"


def bzimage(payload: bytes, *, version: int = 0x20F, sectors: int = 4) -> bytes:
    """A file with the fields of Documentation/arch/x86/boot.rst that tell where the payload is."""
    setup = bytearray((sectors + 1) * 512)
    setup[0x1F1] = 0 if sectors == 4 else sectors
    setup[0x1FE:0x200] = b"\x55\xaa"
    setup[0x202:0x206] = b"HdrS"
    struct.pack_into("<H", setup, 0x206, version)
    struct.pack_into("<II", setup, 0x248, 96, len(payload))
    return bytes(setup) + b"\xcc" * 96 + payload + b"\xcc" * 64


SIZE = struct.pack("<I", len(ELF))  # scripts/Makefile.lib appends it to all but gzip
X86_XZ = lzma.compress(
    ELF,
    check=lzma.CHECK_CRC32,
    filters=[{"id": lzma.FILTER_X86}, {"id": lzma.FILTER_LZMA2}],
)


@pytest.mark.parametrize("sectors", [4, 27])
@pytest.mark.parametrize(
    "payload",
    [
        gzip.compress(ELF, mtime=0),
        X86_XZ + SIZE,
        zstd.compress(ELF) + SIZE,
        bz2.compress(ELF) + SIZE,
        lzma.compress(ELF, lzma.FORMAT_ALONE) + SIZE,
        ELF,
    ],
    ids=["gzip", "xz", "zstd", "bzip2", "lzma", "none"],
)
def test_a_bzimage_is_unpacked(payload: bytes, sectors: int) -> None:
    assert unpacked(bzimage(payload, sectors=sectors), "k") == ELF


def zboot(payload: bytes) -> bytes:
    """drivers/firmware/efi/libstub/zboot-header.S."""
    return (b"MZ\0\0zimg" + struct.pack("<II", 512, len(payload))).ljust(512, b"\0") + payload


@pytest.mark.parametrize(
    ("kernel", "inside"),
    [
        (ELF, ELF),
        (IMAGE, IMAGE),
        (gzip.compress(IMAGE, mtime=0), IMAGE),
        (zboot(gzip.compress(IMAGE, mtime=0)), IMAGE),
        (zboot(zstd.compress(IMAGE) + SIZE), IMAGE),
    ],
)
def test_other_kernels(kernel: bytes, inside: bytes) -> None:
    assert unpacked(kernel, "k") == inside


@pytest.mark.parametrize(
    ("kernel", "message"),
    [
        (b"", "is not a kernel that can be unpacked"),
        (b"#!/bin/sh\n" * 100, "is not a kernel that can be unpacked"),
        (
            bzimage(gzip.compress(ELF, mtime=0), version=0x207),
            "does not tell where its payload is: protocol",
        ),
        (bzimage(b"\x02\x21\x4c\x18" + ELF), "can't be decompressed: a block reaches beyond"),
        (bzimage(b"\x89LZO" + ELF), "is compressed with LZO"),
        (bzimage(b"????" + ELF), "is compressed in an unknown way: 3f3f3f3f"),
        (bzimage(gzip.compress(b"no kernel", mtime=0)), "neither an ELF file nor an Image inside"),
        (bzimage(X86_XZ[:100]), "ends too early"),
        (bzimage(b"\x1f\x8b" + b"?" * 50), "can't be decompressed"),
        (bzimage(zstd.compress(ELF)[:-9] + b"?" * 9), "can't be decompressed"),
        (bzimage(bz2.compress(ELF)[:20] + b"?" * 90), "can't be decompressed"),
        (bzimage(b"\xfd7" + b"?" * 50), "can't be decompressed"),
        (bzimage(b""), "is damaged: its payload would end at"),
        (bzimage(ELF)[:3000], "is damaged: its payload would end at"),
        (zboot(b"")[:20], "is damaged"),
    ],
)
def test_what_cant_be_unpacked(kernel: bytes, message: str) -> None:
    with pytest.raises(KernelError) as caught:
        unpacked(kernel, "/boot/vmlinuz-6.1")
    assert str(caught.value).startswith("/boot/vmlinuz-6.1 in the image: ")
    assert message in str(caught.value)


def test_the_command_writes_what_is_inside(tmp_path: Path) -> None:
    tree = tree_of({"boot/vmlinuz-6.1": bzimage(gzip.compress(ELF, mtime=0))})
    with KernelFiles(tmp_path / "k", unpack=True) as files:
        files.write(tree)
        files.publish()
    assert (tmp_path / "k").read_bytes() == ELF
