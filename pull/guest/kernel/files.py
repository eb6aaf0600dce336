"""The kernel and the initrd that an image brings, copied out of the merged tree.

Distributions put them under these names, VERSION being what `uname -r` says:

    /boot/vmlinuz-VERSION    /boot/initrd.img-VERSION     Debian, Ubuntu
                             /boot/initramfs-VERSION.img  Fedora, RHEL, Arch
                             /boot/initramfs-VERSION      Alpine
                             /boot/initrd-VERSION         SUSE
    /boot/Image-VERSION      (the same)                   SUSE on arm64
    /usr/lib/modules/VERSION/vmlinuz, .../initramfs.img   bootable containers

The newest version counts, whatever a link points to; names without a version, such as /vmlinuz,
count only if there is nothing else. Symbolic links are followed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from flatten.errors import shown
from pull.guest.init.errors import KernelError
from pull.guest.kernel.vmlinux import unpacked
from pull.guest.lookup import Found, find, find_file
from pyext4.content import open_content
from pyext4.image.output_file import Output
from pyext4.tree import Directory, File, Tree

__all__ = ["Kernel", "KernelFiles", "newest_kernel", "version_key"]

BOOT = b"/boot"
MODULES = (b"/usr/lib/modules", b"/lib/modules")
KERNEL_NAMES = (b"vmlinuz-", b"vmlinux-", b"Image-")
UNVERSIONED_KERNELS = (b"/vmlinuz", b"/boot/vmlinuz", b"/boot/vmlinux", b"/boot/Image")
UNVERSIONED_INITRDS = (
    b"/initrd.img",
    b"/boot/initrd.img",
    b"/boot/initrd",
    b"/boot/initramfs.img",
    b"/boot/initramfs",
)
INITRD_NAMES = (
    (b"initrd.img-", b""),
    (b"initramfs-", b".img"),
    (b"initramfs-", b""),
    (b"initrd-", b""),
)

# what packages leave beside kernels: copies of old ones, checksums, signatures
_LEFT_OVER = re.compile(rb"[.-](old|bak|orig|hmac|sig|asc|gpg|sha256|dpkg-\w+|rpm\w+)$")

_COPY_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """A kernel of the image; `version` is empty if its name has none."""

    found: Found
    version: bytes


def version_key(version: bytes) -> tuple[tuple[int, int, bytes], ...]:
    """Return a version's sort key: 6.1.0-rc9 < 6.1.0 < 6.1.0-9 < 6.1.0-10 < 6.9 < 6.10.

    Numbers compare as numbers, and above words; the end of a version is above -rc only.
    """
    parts = re.findall(rb"rc(?=[0-9])|[0-9]+|[A-Za-z]+", version)
    keys = [
        (0, 0, part) if part == b"rc" else (3, int(part), b"") if part.isdigit() else (2, 0, part)
        for part in parts
    ]
    return (*keys, (1, 0, version))


def newest_kernel(tree: Tree) -> Kernel | None:
    """Find the newest kernel; None if there is none."""
    found = list(_kernels(tree))
    if found:
        return max(found, key=lambda kernel: version_key(kernel.version))
    for path in UNVERSIONED_KERNELS:
        kernel = _with_content(tree, path)
        if kernel is not None:
            return Kernel(found=kernel, version=b"")
    return None


def initrd_of(tree: Tree, kernel: Kernel | None) -> Found | None:
    """Find a kernel's initrd; None if there is none."""
    if kernel is None or not kernel.version:
        found = (_with_content(tree, path) for path in UNVERSIONED_INITRDS)
        return next(filter(None, found), None)
    version = kernel.version
    paths = [BOOT + b"/" + begin + version + end for begin, end in INITRD_NAMES]
    paths += [
        b"%b/%b/%b" % (top, version, name)
        for top in MODULES
        for name in (b"initramfs.img", b"initrd")
    ]
    return next(filter(None, (_with_content(tree, path) for path in paths)), None)


class KernelFiles:
    """Writes the copies next to their final place; on exit, unpublished ones are removed."""

    def __init__(
        self, kernel: Path | None = None, initrd: Path | None = None, *, unpack: bool = False
    ) -> None:
        """Copy to `kernel` and `initrd`, if given; `unpack` a compressed kernel."""
        self._kernel = kernel
        self._initrd = initrd
        self._unpack = unpack
        self._outputs: list[tuple[Output, int]] = []
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def write(self, tree: Tree) -> None:
        """Write the copies that were asked for.

        Raises:
            KernelError: the image has no such file, or one that can't be unpacked.
            OSError: a file can't be read or written.
        """
        self._open.close()  # left by an attempt that is being repeated
        self._outputs.clear()
        if self._kernel is None and self._initrd is None:
            return
        kernel = newest_kernel(tree)
        if self._kernel is not None:
            if kernel is None:
                raise KernelError(
                    "/boot/vmlinuz-*", "there is no kernel; the image is a container's"
                )
            self._copy(kernel.found, self._kernel, unpack=self._unpack)
        if self._initrd is not None:
            initrd = initrd_of(tree, kernel)
            if initrd is None:
                of = f"for {shown(kernel.found.path)}" if kernel is not None else "and no kernel"
                raise KernelError("/boot/initrd.img-*", f"there is no initrd {of}")
            self._copy(initrd, self._initrd, unpack=False)

    def publish(self) -> None:
        """Give the files their names."""
        for output, size in self._outputs:
            output.publish(size)
        self._outputs.clear()

    def _copy(self, found: Found, target: Path, *, unpack: bool) -> None:
        file = found.node
        assert isinstance(file, File)
        output = Output(target)
        self._open.callback(output.close)
        size = 0
        with open_content(file) as stream:
            pieces = (
                iter([unpacked(stream.read(), shown(found.path))])
                if unpack
                else iter(lambda: stream.read(_COPY_BYTES), b"")
            )
            for piece in pieces:
                size += len(piece)
                view = memoryview(piece)
                while view:
                    view = view[os.write(output.fd, view) :]
        self._outputs.append((output, size))


def _kernels(tree: Tree) -> Iterator[Kernel]:
    boot = find(tree, BOOT)
    if boot is not None and isinstance(boot.node, Directory):
        for name in sorted(boot.node.children):
            begin = next(filter(name.startswith, KERNEL_NAMES), None)
            if begin is not None and not _LEFT_OVER.search(name):
                yield from _kernel(tree, BOOT + b"/" + name, name.removeprefix(begin))
    for top in MODULES:
        modules = find(tree, top)
        if modules is not None and isinstance(modules.node, Directory):
            for version in sorted(modules.node.children):
                yield from _kernel(tree, b"%b/%b/vmlinuz" % (top, version), version)


def _kernel(tree: Tree, path: bytes, version: bytes) -> Iterator[Kernel]:
    found = _with_content(tree, path)
    if found is not None:
        yield Kernel(found=found, version=version)


def _with_content(tree: Tree, path: bytes) -> Found | None:
    """Find a regular file that is not empty: images for containers have stubs."""
    found = find_file(tree, path)
    return found if found is not None and isinstance(found.node, File) and found.node.size else None
