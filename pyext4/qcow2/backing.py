"""Which file may be a base, and by which name its qcow2 image finds it.

A name that is not absolute counts from the directory of the qcow2 image, in QEMU
(path_combine in block.c) and in Cloud Hypervisor. So a base in that directory or below it gets
such a name, and the directory can be moved as a whole. Any other base gets its absolute path.
Symbolic links are resolved: a link may point to another base tomorrow.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from pyext4.errors import OptionsError
from pyext4.qcow2.layout import MAX_BACKING_FILE_BYTES

__all__ = ["backing_name", "check_base"]


def check_base(base: Path, outputs: Iterable[Path]) -> None:
    """Check that a base is a file, and that no output replaces it.

    Raises:
        OptionsError: It is not a regular file, it is one of the outputs, or its path is too long.
        OSError: It can't be looked at.
    """
    found = base.stat()
    if not stat.S_ISREG(found.st_mode):
        raise OptionsError("base", f"is not a regular file: {base}")
    for output in outputs:
        _ = backing_name(base, output)
        try:
            other = output.stat()
        except OSError:
            continue  # not there yet; or it will be the output's own error
        if os.path.samestat(found, other):
            raise OptionsError("base", f"would be replaced by the output: {base}")


def backing_name(base: Path, out: Path) -> bytes:
    """Return the name of the base that is put into `out`.

    Raises:
        OptionsError: It is too long for a qcow2 image.
        OSError: The base does not exist.
    """
    found = Path(os.path.realpath(base, strict=True))
    directory = Path(os.path.realpath(out.parent))
    if found.is_relative_to(directory):
        name = os.fsencode(found.relative_to(directory))
        if b":" in name.partition(b"/")[0]:
            name = b"./" + name  # QEMU would take what is before the colon for a protocol
    else:
        name = os.fsencode(found)
    if len(name) > MAX_BACKING_FILE_BYTES:
        reason = f"its path must be up to {MAX_BACKING_FILE_BYTES} bytes for qcow2: {base}"
        raise OptionsError("base", reason)
    return name
