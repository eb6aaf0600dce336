"""A text given by hand as a layer: one file, to go on top of an image's own layers.

    layer = text_layer(parse_text("/etc/hostname=guest"), time_ns=0)

`PATH=STRING` makes a file of exactly the bytes of STRING, without a line's end, 0644 and root's.
It goes where `flatten.host_layers` puts a file that is added: missing parents are made, and
something that is not a directory is replaced. In the place of a directory it is an error, because
a text has no name of its own that it could have in there.
"""

from __future__ import annotations

import io
import os
from dataclasses import dataclass

from flatten.errors import HostError
from flatten.layer import Added, HostLayer, Layer
from flatten.outputs.tar_output import tar_pieces
from pyext4.tree import File, Metadata

__all__ = ["Text", "parse_text", "text_layer"]

_FORM = "PATH=STRING"
_SHOWN_CHARACTERS = 200  # of a wrong one: the text may be long


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A file's whole content, and its path in the image."""

    image: bytes  # absolute
    content: bytes

    def __post_init__(self) -> None:
        """Refuse what is no file's path.

        Raises:
            HostError: it isn't absolute, has a NUL, or names a directory.
        """
        path = os.fsdecode(self.image)
        if not self.image.startswith(b"/"):
            raise HostError(path, "path in the image is not absolute")
        if b"\0" in self.image:
            raise HostError(path, "path has a NUL")
        if self.image.rpartition(b"/")[2] in (b"", b".", b".."):
            raise HostError(path, "path is a directory's, and a text needs a file's")


def parse_text(text: str) -> Text:
    """Parse `PATH=STRING`; the first equals sign ends PATH, and STRING is taken as it is.

    Raises:
        HostError: it is not of that form.
    """
    path, equals, content = text.partition("=")
    if not path or not equals:
        raise HostError(text[:_SHOWN_CHARACTERS], f"is not of the form {_FORM}")
    return Text(image=os.fsencode(path), content=os.fsencode(content))


def text_layer(text: Text, *, time_ns: int) -> Layer:
    """Make a layer of one text; `time_ns` is the file's time."""
    meta = Metadata(mode=0o644, mtime_ns=time_ns)
    file = File(meta, len(text.content), text.content)
    return HostLayer(
        digest=f"text {os.fsdecode(text.image)}",
        opener=lambda: io.BytesIO(b"".join(tar_pieces([(text.image, file)], {}))),
        added=Added(file_name=b"", into_directory=False),
    )
