"""Whether an image starts by itself: the init that the kernel would find in it.

init/main.c tries /sbin/init, /etc/init, /bin/init and /bin/sh, in this order, and takes the first
that it can execute. (/init counts in an initramfs only, not on a disk.) The shell isn't an init: it
asks what to do.

A link to busybox, soft or hard, counts only if there is something for it to start. The images of
Alpine and busybox have such a link beside all the other applets. Without OpenRC, without an inittab
of their own and without /etc/init.d/rcS, it starts a shell, or prints that /sbin/openrc is missing.
Such an image is meant to run its entry point.

An image may have an init only under another name, and start it as its command: systemd without
Debian's systemd-sysv. Such inits only work as process 1, so they are linked to, not started.
"""

from __future__ import annotations

from collections.abc import Sequence

from flatten.errors import shown
from pull.guest.lookup import Found, find_file, read_file
from pyext4.tree import Tree

__all__ = ["has_init", "how_it_boots", "init_as_command", "own_init", "warning_without_init"]

KERNEL_TRIES = (b"/sbin/init", b"/etc/init", b"/bin/init")

ONLY_INITS = (b"systemd", b"openrc-init", b"runit-init", b"dinit")

BUSYBOX = (b"busybox", b"busybox.static", b"busybox.nosuid", b"busybox.suid", b"busybox-static")
_ITS_DIRECTORIES = (b"/bin/", b"/sbin/", b"/usr/bin/", b"/usr/sbin/")
RUN_AT_START = b"/etc/init.d/rcS"  # INIT_SCRIPT, what busybox runs if there is no inittab
_START_ACTIONS = (b"sysinit", b"wait", b"once")
_ACTIONS = (*_START_ACTIONS, b"respawn", b"askfirst")


def own_init(tree: Tree) -> bytes | None:
    """Return the path of the init that the kernel would start; None if there is none.

    Raises:
        OSError: what holds the tree's contents can't be read.
    """
    for path in KERNEL_TRIES:
        found = find_file(tree, path, executable=True)
        if found is None:
            continue
        if not _is_busybox(tree, found) or _busybox_has_work(tree):
            return path
        return None  # the kernel stops here too
    return None


def init_as_command(tree: Tree, command: Sequence[bytes]) -> bytes | None:
    """Return the path of the program in `command` if it is an init; None otherwise."""
    found = find_file(tree, command[0], executable=True) if command else None
    if found is None or not command[0].startswith(b"/"):
        return None
    return found.path if found.path.rpartition(b"/")[2] in ONLY_INITS else None


def has_init(tree: Tree) -> bool:
    """Tell whether the image starts by itself."""
    return own_init(tree) is not None


def warning_without_init(tree: Tree) -> str | None:
    """Say in one line that an image converted without --boot won't start; None if it will."""
    if has_init(tree):
        return None
    for path in KERNEL_TRIES:
        if find_file(tree, path, executable=True) is not None:
            there = f"{shown(path)} is busybox without anything to start"
            break
    else:
        there = "it has no init"
    return f"this image will not boot by itself, {there}: --boot makes it start its entry point"


def how_it_boots(tree: Tree) -> str:
    """Say in one line which init a machine would start, or that there is none.

    Raises:
        OSError: what holds the tree's contents can't be read.
    """
    init = own_init(tree)
    if init is not None:
        return f"{shown(init)}, the image's own init"
    return warning_without_init(tree) or ""


def _is_busybox(tree: Tree, init: Found) -> bool:
    if init.path.rpartition(b"/")[2] in BUSYBOX:
        return True
    places = (directory + name for directory in _ITS_DIRECTORIES for name in BUSYBOX)
    return any(found.node is init.node for path in places if (found := find_file(tree, path)))


def _busybox_has_work(tree: Tree) -> bool:
    table = read_file(tree, b"/etc/inittab")
    if table is None:
        return find_file(tree, RUN_AT_START, executable=True) is not None
    actions = [_action(line) for line in table.split(b"\n")]
    started = [program for action, program in actions if action in _START_ACTIONS and program]
    kept = [program for action, program in actions if action in _ACTIONS and program]
    # Alpine's inittab starts gettys, whose programs are there, after an openrc that is not
    return any(find_file(tree, program, executable=True) for program in started or kept)


def _action(line: bytes) -> tuple[bytes, bytes]:
    """Return an inittab line's action and program: id:runlevels:action:process."""
    fields = line.strip().split(b":", 3)
    if len(fields) < 4 or line.lstrip().startswith(b"#"):
        return b"", b""
    words = fields[3].split()
    # a "-" before it starts a login shell
    return fields[2], words[0].removeprefix(b"-") if words else b""
