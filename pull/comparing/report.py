"""The differences between an image file and a merged tree, as lines on a stream."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, Final

from pyext4.commands.program import complain
from pyext4.commands.views.differences import difference_line
from pyext4.compare import diff_images
from pyext4.errors import DamagedError, UnsupportedError
from pyext4.reader import Ext4Reader, open_ext4
from pyext4.tree import Tree

__all__ = ["DIFFERENT", "TROUBLE", "demand_image", "write_differences"]

DIFFERENT: Final = 1  # exit statuses, as diff(1) has them
TROUBLE: Final = 2


def demand_image(image: Path) -> None:
    """Find out before anything is pulled whether there is an image to compare with.

    Raises:
        OSError: it can't be read.
        DamagedError: it is none; the message begins with its path.
        UnsupportedError: it has a feature that isn't known; as well.
    """
    _open(image).close()


def write_differences(image: Path, tree: Tree, stream: BinaryIO) -> int:
    """Write a line for each path that differs, the image's side first, and return how many.

    Raises:
        OSError: the image or a content of the tree can't be read, or the stream not be written.
        DamagedError: the image is damaged; the message begins with its path.
    """
    count = 0
    with _open(image) as reader:
        if reader.recovery and reader.recovery.warning:
            complain(f"warning: {image}: {reader.recovery.warning}")
        for difference in diff_images(reader, tree):
            stream.write(f"{difference_line(difference)}\n".encode())
            count += 1
    return count


def _open(image: Path) -> Ext4Reader:
    try:
        return open_ext4(image)
    except DamagedError as error:
        raise DamagedError(f"{image}: {error.structure}", error.number, error.reason) from error
    except UnsupportedError as error:
        raise UnsupportedError(f"{image}: {error.feature}", error.reason) from error
