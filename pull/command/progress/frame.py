"""The picture: what is seen, as lines of styled text for a terminal of some size.

A header, a row for each layer or crowd of layers, and the total. No line is as wide as the
terminal: a full last column makes some terminals wrap, and others rub it out. What finds no room
goes in this order: the bar gets shorter, two sizes become one, digests lose their end, and then
the bar goes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeAlias

from pull.command.progress.rows import Fold, Row, State, fold
from pull.command.progress.watch import Seen
from pull.wording import shown
from pyext4.sizes import format_size

__all__ = ["ASCII", "UNICODE", "Glyphs", "Line", "Span", "Terminal", "frame", "plain"]

Span: TypeAlias = tuple[str, str]
"""A text and its style, in rich's words."""
Line: TypeAlias = tuple[Span, ...]


class Glyphs(NamedTuple):
    """The signs that the terminal's encoding has; each fills one column."""

    marks: dict[State, str]
    spinner: str
    converted: str  # of a bar
    arrived: str
    missing: str
    cut: str


UNICODE: Final = Glyphs(
    {
        State.WAITING: "·",
        State.ARRIVING: "↓",
        State.ARRIVED: "•",
        State.CONVERTING: "→",
        State.DONE: "✓",
    },
    "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏",
    "━",
    "─",
    "·",
    "…",
)
ASCII: Final = Glyphs(
    {
        State.WAITING: ".",
        State.ARRIVING: "v",
        State.ARRIVED: "o",
        State.CONVERTING: ">",
        State.DONE: "+",
    },
    "|/-\\",
    "#",
    "-",
    ".",
    "~",
)

_STYLES: Final = {
    State.WAITING: "dim",
    State.ARRIVING: "cyan",
    State.ARRIVED: "cyan",
    State.CONVERTING: "yellow",
    State.DONE: "green",
}
_WORDS: Final = {
    "add": "adding files",
    "print": "exporting",
    "export": "exporting",
    "write": "writing metadata",
    "cache": "syncing cache",
}
_STATE: Final = 10  # columns of the longest word
_TWO_SIZES: Final = 19  # 99.9 MiB / 99.9 MiB
_ONE_SIZE: Final = 8
_PACE: Final = 10
_TIME: Final = 9
_LONGEST_BAR: Final = 40
_ALIGNED_BAR: Final = 24
_SHORTEST_BAR: Final = 4
_STILL_SECONDS: Final = 3.0


class Terminal(NamedTuple):
    """What a picture has to fit in."""

    columns: int
    rows: int
    glyphs: Glyphs = UNICODE
    measure: Callable[[str], int] = len  # columns of a text

    @property
    def width(self) -> int:
        """Columns that a line may fill."""
        return max(self.columns - 1, 1)


def frame(seen: Seen, terminal: Terminal, turn: int = 0) -> list[Line]:
    """Return the picture, one row lower than the terminal; `turn` turns its wheel."""
    header = _header(seen, terminal)
    total = _total(seen, terminal, turn)
    room = terminal.rows - 1 - len(header) - len(total)
    if room < len(total):  # next to nothing: what counts is last
        header, total = header[:1], total[:1]
        room = terminal.rows - 1 - len(header) - len(total)
    columns = _Columns(terminal.width)
    shown = fold(seen.rows, room)
    rows = [
        _row(each, columns, terminal)
        if isinstance(each, Row)
        else _crowd(each, len(seen.rows), terminal)
        for each in shown
    ]
    lines = [*header, *rows, *total]
    return lines[-max(terminal.rows - 1, 1) :]


def plain(line: Line) -> str:
    """Return a line's text."""
    return "".join(text for text, _ in line)


class _Columns:
    """How wide each column of the rows is; 0: it is left out."""

    def __init__(self, width: int) -> None:
        self.amount = _TWO_SIZES if width >= 58 else _ONE_SIZE
        self.digest = 12 if width >= 43 else 8
        fixed = 1 + 1 + self.digest + 1 + _STATE + 1 + self.amount
        bar = width - fixed - 1
        beside_total = bar - (1 + _PACE + 1 + _TIME)
        if beside_total >= _ALIGNED_BAR:
            bar = beside_total  # all sizes end in one column, and behind them is the total's pace
        self.bar = min(bar, _LONGEST_BAR) if bar >= _SHORTEST_BAR else 0


def _header(seen: Seen, terminal: Terminal) -> list[Line]:
    width = terminal.width
    name, platform = _word(seen.reference, terminal), _word(seen.platform, terminal)
    if not seen.digest:
        return [((_cut(name, width, terminal), "bold"),)]
    algorithm, _, digits = seen.digest.partition(":")
    digest = f"{algorithm}:{digits[:12]}"
    beside = f"  {digest}  {platform}"
    if terminal.measure(f"{name}{beside}") <= width:
        return [((name, "bold"), (beside, "dim"))]
    below = f"{digest} {platform}"
    if terminal.measure(below) > width:
        below = f"{digits[:12]} {platform}"
    return [
        ((_cut(name, width, terminal), "bold"),),
        ((_cut(below, width, terminal), "dim"),),
    ]


def _row(row: Row, columns: _Columns, terminal: Terminal) -> Line:
    style = _STYLES[row.state]
    line: list[Span] = [
        (f"{terminal.glyphs.marks[row.state]} ", style),
        (f"{row.digest[: columns.digest]} ", "dim" if row.state is State.WAITING else ""),
        (f"{row.state.value:<{_STATE}} ", style),
    ]
    if columns.bar:
        if row.moves:
            line += _bar(row, columns.bar, terminal.glyphs)
            line.append((" ", ""))
        else:
            line.append((" " * (columns.bar + 1), ""))
    amount = format_size(row.size)
    if row.moves and columns.amount == _TWO_SIZES:
        here = row.converted if row.state is State.CONVERTING else row.arrived
        amount = f"{format_size(here)} / {amount}"
    line.append((f"{amount:>{columns.amount}}", "dim" if row.state is State.WAITING else ""))
    return _clipped(line, terminal.width)


def _bar(amounts: Row | Seen, width: int, glyphs: Glyphs) -> list[Span]:
    size = max(amounts.size, 1)
    converted = min(width * amounts.converted // size, width)
    arrived = min(width * amounts.arrived // size, width)
    arrived = max(arrived, converted)
    return [
        (glyphs.converted * converted, "green"),
        (glyphs.arrived * (arrived - converted), "cyan"),
        (glyphs.missing * (width - arrived), "dim"),
    ]


def _crowd(crowd: Fold, count: int, terminal: Terminal) -> Line:
    mark, style = terminal.glyphs.marks[crowd.state], _STYLES[crowd.state]
    here = f", {crowd.here} here" if crowd.here else ""
    for layers in (" layers", ""):
        what = f"{crowd.layers} of {count}{layers} {crowd.state.value}{here}"
        tail = _to_the_end(format_size(crowd.size), 2 + len(what), terminal)
        if tail:
            break
    return _clipped([(f"{mark} ", style), (what, style), (tail, "dim")], terminal.width)


def _total(seen: Seen, terminal: Terminal, turn: int) -> list[Line]:
    wheel = terminal.glyphs.spinner[turn % len(terminal.glyphs.spinner)]
    mark: Span = (f"{wheel} ", "cyan")
    if seen.stage == "find":
        text = f"looking for the image  {_clock(seen.stage_seconds)}"
        return [_clipped([mark, (text, "")], terminal.width)]
    amounts = f"{format_size(seen.converted)} / {format_size(seen.size)}"
    if seen.stage in _WORDS:
        text = f"{_WORDS[seen.stage]} {_clock(seen.stage_seconds)}"
        columns = _Columns(terminal.width)
        tail = _to_the_end(format_size(seen.size), 2 + columns.digest + 1 + len(text), terminal)
        line = [mark, (f"{'total':<{columns.digest}} {text}", "bold"), (tail, "")]
        return [_clipped(line, terminal.width)]
    if seen.arrives:
        amounts = f"{format_size(seen.arrived)} / {format_size(seen.size)}"
    pace, left = _pace(seen), _left(seen)
    state = (State.ARRIVING if seen.arrives else State.CONVERTING).value
    columns = _Columns(terminal.width)
    after = f" {amounts:>{_TWO_SIZES}} {pace:>{_PACE}} {left:>{_TIME}}"
    before = f"{'total':<{columns.digest}} {state:<{_STATE}} "
    bar = min(terminal.width - 2 - len(before) - len(after), columns.bar)
    if bar >= _SHORTEST_BAR + 4:
        drawn = _bar(seen, bar, terminal.glyphs)
        return [_clipped([mark, (before, "bold"), *drawn, (after, "")], terminal.width)]
    # the pace has its own line
    before, after = "total ", f" {amounts:>{_TWO_SIZES}}"
    bar = terminal.width - 2 - len(before) - len(after)
    drawn = _bar(seen, bar, terminal.glyphs) if bar >= _SHORTEST_BAR else []
    first = [mark, (before, "bold"), *drawn, (after if drawn else after.strip(), "")]
    second = ", ".join(filter(None, (state, pace, left)))
    return [_clipped(first, terminal.width), _clipped([(f"  {second}", "")], terminal.width)]


def _to_the_end(text: str, begin: int, terminal: Terminal) -> str:
    """Return a text moved to where the sizes of the rows end; nothing if there is no room."""
    columns = _Columns(terminal.width)
    end = 2 + columns.digest + 1 + _STATE + 1 + columns.amount
    end = min(end + (columns.bar and columns.bar + 1), terminal.width)
    room = end - begin
    return f"{text:>{room}}" if room > len(text) else ""


def _pace(seen: Seen) -> str:
    if seen.still_seconds >= _STILL_SECONDS:
        return f"still {_clock(seen.still_seconds)}"
    return "" if seen.pace is None else f"{format_size(int(seen.pace))}/s"


def _left(seen: Seen) -> str:
    if seen.seconds_left is None or seen.still_seconds >= _STILL_SECONDS:
        return ""
    return f"{_clock(seen.seconds_left)} left"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _word(text: str, terminal: Terminal) -> str:
    """Return a stranger's text as one that the terminal can show and does not act on."""
    text = shown(text).rstrip()
    if terminal.glyphs is ASCII:
        text = text.encode("ascii", "backslashreplace").decode()
    return text


def _cut(text: str, width: int, terminal: Terminal) -> str:
    """Return a text of at most `width` columns: its middle goes."""
    if terminal.measure(text) <= width:
        return text
    head, tail = text[: len(text) // 2], text[len(text) // 2 :]
    while (head or tail) and terminal.measure(f"{head}{tail}") > width - 1:
        if len(head) > len(tail) // 2:  # the end of a name tells more
            head = head[:-1]
        else:
            tail = tail[1:]
    return f"{head}{terminal.glyphs.cut}{tail}"


def _clipped(line: Sequence[Span], width: int) -> Line:
    """Return a line with nothing beyond a width; its texts fill a column with each character."""
    clipped = []
    for text, style in line:
        if text:
            clipped.append((text[:width], style))
            width -= len(text[:width])
        if width <= 0:
            break
    if clipped:
        clipped[-1] = (clipped[-1][0].rstrip(), clipped[-1][1])
    return tuple(clipped)
