"""What the command makes of the merged tree besides a filesystem: --list, --tar and --mtree.

A file appears under its name, whole, once everything else that was asked for is done.
"""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from tempfile import NamedTemporaryFile
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Self, cast

from pull.errors import OutputClosedError

if TYPE_CHECKING:
    from pyext4.tree import Tree

__all__ = ["STANDARD_OUTPUT", "Exports"]

STANDARD_OUTPUT = "-"

_Writer = Callable[["Tree", BinaryIO], None]


class Exports:
    """Writes the outputs beside OUT.ext4; on leaving, what was not published goes."""

    def __init__(self, parsed: Namespace) -> None:
        """Take what the command line asks for."""
        self._list: bool = parsed.list
        self._tar: str | None = parsed.tar
        self._mtree: str | None = parsed.mtree
        self._waiting: list[tuple[Path, Path]] = []  # (where it is, where it belongs)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._drop()

    @property
    def need_contents(self) -> bool:
        """Whether anything but names and attributes is wanted."""
        return self._tar is not None or self._mtree is not None

    def write(self, tree: Tree) -> None:
        """Write what is wanted, to standard output or next to where it belongs.

        Raises:
            OSError: a file can't be written.
            OutputClosedError: standard output can't.
        """
        from flatten.outputs import write_list, write_mtree, write_tar  # noqa: PLC0415  # slow

        self._drop()  # of an attempt that has to be repeated
        if self._list:
            _to_standard_output(write_list, tree)
        for write, target in ((write_tar, self._tar), (write_mtree, self._mtree)):
            if target == STANDARD_OUTPUT:
                _to_standard_output(write, tree)
            elif target is not None:
                self._to_file(Path(target), write, tree)

    def publish(self) -> None:
        """Give the files their names."""
        while self._waiting:
            temporary, target = self._waiting[-1]
            temporary.replace(target)
            self._waiting.pop()

    def _to_file(self, target: Path, write: _Writer, tree: Tree) -> None:
        with NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as file:
            temporary = Path(file.name)
            self._waiting.append((temporary, target))
            write(tree, cast("BinaryIO", file))
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())  # as open() would have made it

    def _drop(self) -> None:
        for temporary, _ in self._waiting:
            temporary.unlink(missing_ok=True)
        self._waiting.clear()


def _to_standard_output(write: _Writer, tree: Tree) -> None:
    stream = sys.stdout.buffer
    try:
        write(tree, stream)
        stream.flush()
    except BrokenPipeError as error:
        # what is still buffered must not fail once more when the interpreter ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise OutputClosedError from error


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
