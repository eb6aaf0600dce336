"""What a conversion tells while it runs: the interface for programs, and two ways not to listen.

`Progress` is all that `pull.convert` asks for. It tells more to an object that has the methods of
`DetailedProgress`. Whoever is told must be quick: the work waits for each call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, Protocol, TypeAlias, runtime_checkable

from pull.spec.manifest import Descriptor

if TYPE_CHECKING:
    from pull.image import PulledImage

__all__ = ["DetailedProgress", "Progress", "Silence", "Stage", "detailed"]

Stage: TypeAlias = Literal["convert", "print", "export", "write", "cache"]
"""What is being done: layers are applied; exports are written, some of them to standard output, or
all to files; the filesystem is finished; what was downloaded is made safe in the cache. The image
is looked for before the first of them."""


class Progress(Protocol):
    """Told of the two movements of each blob; must be safe to call from any thread."""

    def downloaded(self, descriptor: Descriptor, position: int) -> None:
        """Show that so many bytes of a blob are here."""
        ...

    def converted(self, digest: str, size: int, position: int) -> None:
        """Show how many compressed bytes of a layer's `size` are in the tree."""
        ...


@runtime_checkable
class DetailedProgress(Progress, Protocol):
    """Told which image it is, what is being done, and of each layer by its number besides.

    The same blob may be several layers: `applied` tells them apart, `converted` does not.
    """

    def found(self, image: PulledImage) -> None:
        """Show the image that was found, before anything of its layers is told."""
        ...

    def began(self, stage: Stage) -> None:
        """Show what is done from now on; `convert` comes again where it starts anew."""
        ...

    def applied(self, number: int, position: int) -> None:
        """Show how many compressed bytes of a layer are in the tree.

        Layers count from 0, the oldest first; what was put on top of the image comes behind them.
        """
        ...


class Silence:
    """Shows nothing."""

    def __enter__(self) -> Silence:  # noqa: PYI034  # Self would be one more import
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def downloaded(self, descriptor: Descriptor, position: int) -> None:
        """See `Progress`."""

    def converted(self, digest: str, size: int, position: int) -> None:
        """See `Progress`."""

    def found(self, image: PulledImage) -> None:
        """See `DetailedProgress`."""

    def began(self, stage: Stage) -> None:
        """See `DetailedProgress`."""

    def applied(self, number: int, position: int) -> None:
        """See `DetailedProgress`."""


class _Plain(Silence):
    """Tells a `Progress` what it knows, and keeps the rest."""

    def __init__(self, progress: Progress) -> None:
        self.downloaded = progress.downloaded  # type: ignore[method-assign]
        self.converted = progress.converted  # type: ignore[method-assign]


_SILENCE: Final = Silence()


def detailed(progress: Progress | None) -> DetailedProgress:
    """Return what can be told everything, whoever listens."""
    if progress is None:
        return _SILENCE
    return progress if isinstance(progress, DetailedProgress) else _Plain(progress)
