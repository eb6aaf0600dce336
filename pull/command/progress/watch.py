"""What was told of a conversion, and what can be seen of it at a moment.

Events only note numbers, one assignment each, so they take no lock and cost nothing. Whatever has
to be computed is computed when somebody looks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from pull.command.progress.events import Stage
from pull.command.progress.pace import WINDOW_SECONDS, Sample, bytes_per_second, seconds_left
from pull.command.progress.rows import Row, State
from pull.spec.manifest import Descriptor

if TYPE_CHECKING:
    from pull.image import PulledImage

__all__ = ["Seen", "Watch"]


_STARVED_BYTES: Final = 4 << 20


class Seen(NamedTuple):
    """One moment of a conversion."""

    reference: str  # in full once the image was found
    digest: str = ""  # of the manifest; empty while the image is looked for
    platform: str = ""
    rows: Sequence[Row] = ()
    stage: Stage | Literal["find", "add"] = "find"
    stage_seconds: float = 0.0
    pace: float | None = None  # bytes a second, of what is counted: see `arrives`
    seconds_left: float | None = None
    still_seconds: float = 0.0  # since a byte moved

    @property
    def size(self) -> int:
        """Bytes of all layers."""
        return sum(row.size for row in self.rows)

    @property
    def arrived(self) -> int:
        """Bytes that are here."""
        return sum(row.arrived for row in self.rows)

    @property
    def converted(self) -> int:
        """Bytes that are in the tree."""
        return sum(row.converted for row in self.rows)

    @property
    def arrives(self) -> bool:
        """Tell whether something is still to arrive, so that arrived bytes are what counts."""
        return self.stage == "convert" and self.arrived < self.size


class Watch:
    """Is told everything, see `DetailedProgress`, and tells what can be seen."""

    def __init__(self, reference: str) -> None:
        self._reference = reference
        self._image: PulledImage | None = None
        self._numbers: dict[str, list[int]] = {}  # by digest: one blob may be several layers
        self._sizes: list[int] = []
        self._arrived: list[int] = []  # -1: nobody fetches it yet
        self._applied = (-1, 0)  # the layer that was heard of last, and its bytes
        self._stage: Stage | Literal["find"] = "find"
        self._stage_since: float | None = None
        self._samples: deque[Sample] = deque()
        self._moved_at = 0.0

    def found(self, image: PulledImage) -> None:
        """See `DetailedProgress`."""
        for number, layer in enumerate(image.layers):
            self._numbers.setdefault(layer.digest, []).append(number)
        self._sizes = [layer.size for layer in image.layers]
        self._arrived = list(self._sizes) if image.is_local else [-1] * len(self._sizes)
        self._image = image

    def began(self, stage: Stage) -> None:
        """See `DetailedProgress`."""
        if stage == "convert":
            self._applied = (-1, 0)
            self._samples = deque()  # what was here before it began did not come at any pace
        self._stage = stage
        self._stage_since = None

    def downloaded(self, descriptor: Descriptor, position: int) -> None:
        """See `Progress`."""
        for number in self._numbers.get(str(descriptor.digest), ()):
            self._arrived[number] = position

    def converted(self, digest: str, size: int, position: int) -> None:
        """See `Progress`: `applied` says it better."""

    def applied(self, number: int, position: int) -> None:
        """See `DetailedProgress`."""
        self._applied = (number, position)

    def see(self, seconds: float) -> Seen:
        """Return what there is to see at a time, which never goes back."""
        if self._stage_since is None:
            self._stage_since = seconds
        if self._image is None:
            return Seen(self._reference, stage_seconds=seconds - self._stage_since)
        rows = self._rows()
        self._sample(seconds, rows)
        arrival = bytes_per_second([(each.seconds, each.arrived) for each in self._samples])
        conversion = bytes_per_second([(each.seconds, each.converted) for each in self._samples])
        stage: Stage | Literal["add"] = "convert" if self._stage == "find" else self._stage
        if stage == "convert" and self._applied[0] >= len(rows):
            stage = "add"
        seen = Seen(
            self._image.reference,
            self._image.digest,
            str(self._image.platform),
            rows,
            stage,
            seconds - self._stage_since,
            still_seconds=seconds - self._moved_at,
        )
        movements = [(seen.size - seen.arrived, arrival)]
        if not seen.arrives or _backlog(rows) > _STARVED_BYTES:
            movements.append((seen.size - seen.converted, conversion))
        return seen._replace(
            pace=arrival if seen.arrives else conversion, seconds_left=seconds_left(*movements)
        )

    def _rows(self) -> list[Row]:
        assert self._image is not None
        is_over = self._stage not in ("find", "convert")
        current, position = self._applied
        rows = []
        for number, layer in enumerate(self._image.layers):
            size, arrived = self._sizes[number], self._arrived[number]
            if is_over or number < current or (number == current and position >= size):
                state, arrived, converted = State.DONE, size, size
            elif number == current:
                state, converted = State.CONVERTING, position
                arrived = max(arrived, position)
            else:
                state, converted = _state_before(arrived, size), 0
                arrived = max(arrived, 0)
            rows.append(Row(layer.digest.partition(":")[2], state, size, arrived, converted))
        return rows

    def _sample(self, seconds: float, rows: Sequence[Row]) -> None:
        arrived = sum(row.arrived for row in rows)
        converted = sum(row.converted for row in rows)
        samples = self._samples
        if not samples or samples[-1][1:] != (arrived, converted):
            self._moved_at = seconds
        samples.append(Sample(seconds, arrived, converted))
        while samples[0].seconds < seconds - WINDOW_SECONDS:
            samples.popleft()


def _backlog(rows: Sequence[Row]) -> int:
    """Return how many bytes could be converted now: with few, the network sets the pace."""
    backlog = 0
    for row in rows:
        backlog += row.arrived - row.converted
        if row.arrived < row.size:
            break
    return backlog


def _state_before(arrived: int, size: int) -> State:
    if arrived >= size:
        return State.ARRIVED
    return State.WAITING if arrived < 0 else State.ARRIVING
