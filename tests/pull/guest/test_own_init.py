"""Which images start by themselves."""

from __future__ import annotations

import pytest

from pull.guest.own_init import has_init, own_init, warning_without_init
from tests.flatten import tars
from tests.pull.guest.trees import make

BUSYBOX = tars.file(b"bin/busybox", b"\x7fELF", mode=0o755)
ALPINE_TABLE = tars.file(
    b"etc/inittab",
    b"# /etc/inittab\n\n::sysinit:/sbin/openrc sysinit\n::wait:/sbin/openrc default\n"
    b"tty1::respawn:/sbin/getty 38400 tty1\n::ctrlaltdel:/sbin/reboot\n",
)
GETTY = tars.symlink(b"sbin/getty", b"../bin/busybox")
LINK = tars.symlink(b"sbin/init", b"/bin/busybox")


@pytest.mark.parametrize(
    ("members", "init"),
    [
        ((), None),
        ((tars.file(b"sbin/init", b"#!", mode=0o755),), b"/sbin/init"),
        ((tars.file(b"etc/init", b"#!", mode=0o755),), b"/etc/init"),
        ((tars.file(b"bin/init", b"#!", mode=0o755),), b"/bin/init"),
        # init/main.c takes the next one
        (
            (
                tars.file(b"sbin/init", b"#!", mode=0o644),
                tars.file(b"bin/init", b"#!", mode=0o700),
            ),
            b"/bin/init",
        ),
        ((tars.directory(b"sbin/init"),), None),
        ((tars.symlink(b"sbin/init", b"../lib/systemd/systemd"),), None),
        (
            (
                tars.symlink(b"sbin", b"usr/sbin"),
                tars.symlink(b"lib", b"usr/lib"),
                tars.symlink(b"usr/sbin/init", b"/lib/systemd/systemd"),
                tars.file(b"usr/lib/systemd/systemd", b"\x7fELF", mode=0o755),
            ),
            b"/sbin/init",
        ),
        # only an initramfs starts these
        ((tars.file(b"init", b"#!", mode=0o755),), None),
        ((tars.file(b"bin/sh", b"#!", mode=0o755),), None),
        ((BUSYBOX, LINK), None),
        ((BUSYBOX, tars.hardlink(b"bin/init", b"bin/busybox")), None),
        # the kernel starts busybox, and never comes to the other
        ((BUSYBOX, LINK, tars.file(b"bin/init", b"#!", mode=0o755)), None),
        ((BUSYBOX, LINK, ALPINE_TABLE, GETTY), None),
        (
            (BUSYBOX, LINK, ALPINE_TABLE, GETTY, tars.file(b"sbin/openrc", b"#!", mode=0o755)),
            b"/sbin/init",
        ),
        ((BUSYBOX, LINK, tars.file(b"etc/init.d/rcS", b"#!", mode=0o755)), b"/sbin/init"),
        ((BUSYBOX, LINK, tars.file(b"etc/init.d/rcS", b"#!", mode=0o644)), None),
        ((BUSYBOX, LINK, tars.file(b"etc/inittab", b"::respawn:-/bin/busybox sh")), b"/sbin/init"),
        ((BUSYBOX, LINK, tars.file(b"etc/inittab", b"::sysinit:\nx:y\n::respawn:/app")), None),
    ],
)
def test_inits(members: tuple[bytes, ...], init: bytes | None) -> None:
    tree, _ = make(*members)
    assert own_init(tree) == init
    assert has_init(tree) == (init is not None)


def test_the_line_for_those_who_did_not_ask() -> None:
    assert warning_without_init(make()[0]) == (
        "this image will not boot by itself, it has no init: --boot makes it start its entry point"
    )
    assert warning_without_init(make(BUSYBOX, LINK)[0]) == (
        "this image will not boot by itself, /sbin/init is busybox without anything to start: "
        "--boot makes it start its entry point"
    )
    assert warning_without_init(make(tars.file(b"sbin/init", b"#!", mode=0o755))[0]) is None
