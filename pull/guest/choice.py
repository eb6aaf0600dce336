"""Choose the init for an image: the compiled one, or the script if the image can run it."""

from __future__ import annotations

from pull.guest.init.binary import init_binary, init_script
from pull.guest.init.errors import NoInitError
from pull.guest.lookup import find_file
from pyext4.tree import Tree

__all__ = ["init_for"]

SHELL = b"/bin/sh"
MOUNT = (b"/bin/mount", b"/sbin/mount", b"/usr/bin/mount", b"/usr/sbin/mount")


def init_for(tree: Tree, architecture: str) -> bytes:
    """Return the init for an image of `architecture`, as its platform names it.

    Raises:
        NoInitError: none was compiled for it, and the image can't run the script.
    """
    try:
        return init_binary(architecture)
    except NoInitError:
        has_mount = any(find_file(tree, path, executable=True) for path in MOUNT)
        if not has_mount or find_file(tree, SHELL, executable=True) is None:
            raise
        return init_script()
