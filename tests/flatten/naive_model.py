"""The merge rules again, in the simplest form: a dictionary from paths to things.

Paths are tuples of names. What a layer added is a set of paths. Nothing is cached, and only the
error texts are shared with `flatten`. See DESIGN.md, "Merging layers".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = ["Entry", "ModelError", "merge"]

Path = tuple[str, ...]


class ModelError(Exception):
    """What flatten has to refuse, in its words."""


@dataclass(frozen=True, slots=True)
class Entry:
    """kind: file, dir, link (symbolic), hard, fifo, whiteout, opaque."""

    kind: str
    path: str
    text: str = ""  # content or target
    mode: int = 0o644


@dataclass(slots=True, eq=False)
class Thing:
    kind: str
    text: str = ""
    mode: int = 0o755


@dataclass(slots=True)
class Model:
    things: dict[Path, Thing] = field(default_factory=lambda: {(): Thing("dir")})
    mine: set[Path] = field(default_factory=set)
    lowest: bool = True

    def remove(self, path: Path) -> None:
        for other in [other for other in self.things if other[: len(path)] == path]:
            del self.things[other]
            self.mine.discard(other)

    def put(self, path: Path, thing: Thing) -> None:
        self.remove(path)
        self.things[path] = thing
        self.mine.add(path)

    def resolve(self, path: Path, *, make: bool) -> tuple[Path | None, bool]:
        """Where the directory `path` is, and whether a symbolic link led there."""
        here: Path = ()
        todo = list(path)
        links = 0
        while todo:
            name = todo.pop(0)
            if name in ("", "."):
                continue
            if name == "..":
                here = here[:-1]
                continue
            thing = self.things.get((*here, name))
            if thing is not None and thing.kind == "link":
                links += 1
                if links > 40:
                    msg = "path goes through more than 40 symbolic links"
                    raise ModelError(msg)
                if thing.text.startswith("/"):
                    here = ()
                todo = thing.text.split("/") + todo
                continue
            if thing is None or thing.kind != "dir":
                if not make:
                    return None, links > 0
                self.put((*here, name), Thing("dir"))
            here = (*here, name)
        return here, links > 0

    def hide(self, path: Path) -> None:
        """Take away what of `path` is not this layer's."""
        below = [other for other in self.things if other[: len(path)] == path]
        for other in sorted(below, key=len, reverse=True):
            if other in self.mine:
                continue
            if any(third[: len(other)] == other and third != other for third in self.things):
                self.things[other].mode = 0o755
                self.mine.add(other)
            else:
                del self.things[other]

    def target(self, text: str) -> Path | None:
        parts = [part for part in text.split("/") if part not in ("", ".")]
        parent, _ = self.resolve(tuple(parts[:-1]), make=False)
        if parent is None:
            return None
        path = (*parent, parts[-1]) if parts else ()
        if path in self.things and self.things[path].kind == "dir":
            msg = f"hard link to a directory: {text}"
            raise ModelError(msg)
        return path if path in self.things else None

    def layer(self, entries: Sequence[Entry]) -> None:
        self.mine = set()
        late: list[tuple[Path, str]] = []
        links: list[tuple[Thing, str]] = []
        for entry in entries:
            parts = tuple(part for part in entry.path.split("/") if part)
            if entry.kind in ("whiteout", "opaque"):
                self.marker(parts, entry.kind, late)
                continue
            parent, _ = self.resolve(parts[:-1], make=True)
            assert parent is not None
            path = (*parent, parts[-1])
            self.entry(entry, path, links)
        self.settle(links)
        for parts, kind in late:
            where, _ = self.resolve(parts[:-1] if kind == "whiteout" else parts, make=False)
            self.apply_marker(where, parts, kind)

    def settle(self, links: list[tuple[Thing, str]]) -> None:
        """Turn placeholders into what they wait for, as long as that helps."""
        while links := [(thing, text) for thing, text in links if thing in self.things.values()]:
            waiting = {id(thing) for thing, _ in links}
            for thing, text in links:
                where = self.target(text)
                if where is not None and id(self.things[where]) not in waiting:
                    for path in [path for path, other in self.things.items() if other is thing]:
                        self.things[path] = self.things[where]
                    waiting.discard(id(thing))
            if len(waiting) == len(links):
                msg = f"hard link to a target that never comes: {links[0][1]}"
                raise ModelError(msg)

    def entry(self, entry: Entry, path: Path, links: list[tuple[Thing, str]]) -> None:
        old = self.things.get(path)
        if entry.kind == "dir" and old is not None and old.kind == "dir":
            old.mode = entry.mode
            self.mine.add(path)
        elif entry.kind == "hard":
            where = self.target(entry.text)
            thing = None if where is None else self.things[where]
            if thing is None or thing.kind == "hard":
                waiting = Thing("hard")
                self.put(path, waiting)
                links.append((waiting, entry.text))
            elif where != path and thing is not old:
                self.put(path, thing)
        else:
            self.put(path, Thing(entry.kind, entry.text, entry.mode))

    def marker(self, parts: Path, kind: str, late: list[tuple[Path, str]]) -> None:
        where, through_link = self.resolve(parts[:-1] if kind == "whiteout" else parts, make=False)
        if through_link:
            late.append((parts, kind))
        else:
            self.apply_marker(where, parts, kind)

    def apply_marker(self, where: Path | None, parts: Path, kind: str) -> None:
        if where is None or self.lowest:
            return
        if kind == "whiteout":
            if (*where, parts[-1]) in self.things:
                self.hide((*where, parts[-1]))
            return
        for path in [path for path in self.things if path[:-1] == where and path]:
            self.hide(path)


def merge(layers: Sequence[Sequence[Entry]]) -> dict[str, str]:
    """Apply the layers; the result in the words of `listings`."""
    model = Model()
    for number, entries in enumerate(layers):
        model.lowest = number == 0
        model.layer(entries)
    lines: dict[str, str] = {}
    first: dict[int, str] = {}
    for path, thing in sorted(model.things.items()):
        name = "/".join(path)
        if not path:
            continue
        if id(thing) in first:
            lines[name] = "= " + first[id(thing)]
            continue
        first[id(thing)] = name
        words = {"file": f"file {thing.text}", "link": f"-> {thing.text}"}
        mode = (
            ""
            if thing.mode == {"dir": 0o755, "link": 0o777}.get(thing.kind, 0o644)
            else f" | mode={thing.mode:o}"
        )
        lines[name] = words.get(thing.kind, thing.kind) + mode
    return lines
