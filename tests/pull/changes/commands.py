"""The command over a small layout."""

from __future__ import annotations

import io
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from pull.command.main import main
from tests.flatten.oci_layouts import write_layout
from tests.flatten.tars import directory, file, hardlink, layer, pax, symlink, whiteout

__all__ = ["BIG", "EPOCH", "LAYERS", "left", "pull", "work_in"]

EPOCH = 1_700_000_000
BIG = b"SECRET-BYTES-" * 8000

LAYERS = (
    layer(
        *(directory(name, mtime=3) for name in (b"./", b"usr", b"usr/share")),
        directory(b"etc", mtime=EPOCH + 5),
        file(b"etc/passwd", b"root:x:0:0::/:/bin/sh\n", mtime=EPOCH - 5),
        file(b"etc/old", b"o" * 9000, mtime=EPOCH),
        directory(b"usr/share/doc", mtime=5),
        file(b"usr/share/doc/big", BIG, uid=1000, gid=1000, mtime=5),
    ),
    layer(
        whiteout(b"etc/old"),
        file(b"usr/bin", b"x" * 5000, uid=33, gid=34, mtime=EPOCH + 1),
        hardlink(b"usr/other", b"usr/bin"),
        pax((b"mtime", b"%d.5" % EPOCH), (b"atime", b"%d" % (EPOCH + 9))),
        symlink(b"late", b"usr"),
        file(b"etc/empty", mtime=EPOCH),
    ),
)


def work_in(place: Path) -> Path:
    """Put the layout there."""
    write_layout(place / "layout", {"made": LAYERS})
    return place


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What the command said."""

    stdout: bytes
    stderr: bytes


def pull(work: Path, *arguments: str, status: int = 0, epoch: int | None = None) -> Ran:
    """Run the command in this process, which is quicker, and assert its exit status."""
    said, complained = io.TextIOWrapper(io.BytesIO()), io.TextIOWrapper(io.BytesIO())
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(work)
        patch.delenv("SOURCE_DATE_EPOCH", raising=False)
        if epoch is not None:
            patch.setenv("SOURCE_DATE_EPOCH", str(epoch))
        patch.setattr(sys, "stdout", said)
        patch.setattr(sys, "stderr", complained)
        try:
            ended = main(["--cache-dir", "cache", "oci:layout:made", *arguments])
        except SystemExit as left_early:
            ended = int(left_early.code or 0)
    said.flush()
    complained.flush()
    ran = Ran(stdout=buffered(said), stderr=buffered(complained))
    assert ended == status, ran.stderr.decode()
    return ran


def buffered(stream: io.TextIOWrapper) -> bytes:
    assert isinstance(stream.buffer, io.BytesIO)
    return stream.buffer.getvalue()


def left(work: Path) -> set[str]:
    """Name what the command made."""
    return {path.name for path in work.iterdir()} - {"layout", "cache"}
