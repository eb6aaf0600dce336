"""What the command makes of the merged tree besides a filesystem: --list, --tar and --mtree.

A file appears under its name, whole, once everything else that was asked for is done.
"""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Self

from pull.errors import OutputClosedError

if TYPE_CHECKING:
    from pyext4.image.output_file import Output
    from pyext4.tree import Tree

__all__ = ["STANDARD_OUTPUT", "Exports", "to_standard_output"]

STANDARD_OUTPUT = "-"

_Writer = Callable[["Tree", BinaryIO], None]


class Exports:
    """Writes the outputs beside OUT.ext4; on leaving, what was not published goes."""

    def __init__(self, parsed: Namespace) -> None:
        """Take what the command line asks for."""
        self._list: bool = parsed.list
        self._tar: str | None = parsed.tar
        self._mtree: str | None = parsed.mtree
        self._waiting: list[Output] = []

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
            to_standard_output(partial(write_list, tree))
        for write, target in ((write_tar, self._tar), (write_mtree, self._mtree)):
            if target == STANDARD_OUTPUT:
                to_standard_output(partial(write, tree))
            elif target is not None:
                self._to_file(Path(target), write, tree)

    def publish(self) -> None:
        """Give the files their names."""
        while self._waiting:
            output = self._waiting[-1]
            output.publish(os.fstat(output.fd).st_size)
            output.close()
            self._waiting.pop()

    def _to_file(self, target: Path, write: _Writer, tree: Tree) -> None:
        from pyext4.image.output_file import Output  # noqa: PLC0415  # as above

        output = Output(target)
        self._waiting.append(output)
        try:
            with os.fdopen(output.fd, "wb", closefd=False) as file:
                write(tree, file)
        except OSError as error:
            error.filename = error.filename or str(target)
            raise

    def _drop(self) -> None:
        while self._waiting:
            self._waiting.pop().close()


def to_standard_output(write: Callable[[BinaryIO], object]) -> None:
    """Have something written to standard output, all of it.

    Raises:
        OutputClosedError: Nobody reads it any more, or this process was started without one.
        OSError: It can't be written, such as where it is a file on a full disk.
    """
    if sys.stdout is None:
        raise OutputClosedError("standard output is closed")
    stream = sys.stdout.buffer
    try:
        write(stream)
        stream.flush()
    except BrokenPipeError as error:
        raise OutputClosedError from error
