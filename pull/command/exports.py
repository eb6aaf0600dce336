"""The command's outputs besides a filesystem: lists, archives, sizes, comparisons.

A file appears under its name, complete, once all other outputs are done.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Self

from pull.command.request import STANDARD_OUTPUT, ExportOptions
from pull.process.stdout import to_standard_output
from pyext4.image.output_file import Output
from pyext4.tree import Tree

if TYPE_CHECKING:
    from pull.report.sizes import Sizes

__all__ = ["Exports"]

_Writer = Callable[[Tree, BinaryIO], None]


class Exports:
    """Writes the outputs besides OUT.ext4; on exit, unpublished files are removed."""

    def __init__(self, options: ExportOptions) -> None:
        """Take the outputs to write."""
        self._options = options
        self._waiting: list[Output] = []
        self.differences: int | None = None  # that --diff has found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._drop()

    @property
    def need_contents(self) -> bool:
        """Whether any output needs more than names and attributes."""
        named = (self._options.tar, self._options.mtree, self._options.diff)
        return any(name is not None for name in named)

    def write(self, tree: Tree, sizes: Sizes | None = None) -> None:
        """Write the outputs, to standard output or next to their final place.

        `sizes` are known if they are asked for.

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
        if self._options.diff is not None:
            to_standard_output(partial(self._compare, self._options.diff, tree))
        writers: list[tuple[_Writer, str | None]] = [
            (write_tar, self._options.tar),
            (write_mtree, self._options.mtree),
        ]
        if sizes is not None:
            text = sizes.as_text().encode()
            writers.append((lambda _, stream: _write_text(stream, text), self._options.sizes))
        for write, target in writers:
            if target == STANDARD_OUTPUT:
                to_standard_output(partial(write, tree))
            elif target is not None:
                self._to_file(Path(target), write, tree)

    def _compare(self, image: Path, tree: Tree, stream: BinaryIO) -> None:
        from pull.comparing.report import write_differences  # noqa: PLC0415  # slow

        self.differences = write_differences(image, tree, stream)

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


def _write_text(stream: BinaryIO, text: bytes) -> None:
    stream.write(text)
