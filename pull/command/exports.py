"""The command's outputs besides a filesystem: --list, --tar and --mtree.

A file appears under its name, complete, once all other outputs are done.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import BinaryIO, Self

from pull.command.request import STANDARD_OUTPUT, ExportOptions
from pull.process.stdout import to_standard_output
from pyext4.image.output_file import Output
from pyext4.tree import Tree

__all__ = ["Exports"]

_Writer = Callable[[Tree, BinaryIO], None]


class Exports:
    """Writes the outputs besides OUT.ext4; on exit, unpublished files are removed."""

    def __init__(self, options: ExportOptions) -> None:
        """Take the outputs to write."""
        self._options = options
        self._waiting: list[Output] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._drop()

    @property
    def need_contents(self) -> bool:
        """Whether any output needs more than names and attributes."""
        return self._options.tar is not None or self._options.mtree is not None

    def write(self, tree: Tree) -> None:
        """Write the outputs, to standard output or next to their final place.

        Raises:
            OSError: a file can't be written.
            OutputClosedError: standard output can't be written.
        """
        self._drop()  # left by an attempt that is being repeated
        if not self._options.any:
            return
        from flatten.outputs import write_list, write_mtree, write_tar  # noqa: PLC0415  # slow

        if self._options.listing:
            to_standard_output(partial(write_list, tree))
        for write, target in ((write_tar, self._options.tar), (write_mtree, self._options.mtree)):
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
