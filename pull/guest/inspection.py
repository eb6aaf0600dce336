"""What an image is and would run, without converting it and without downloading a layer.

    with pull("debian:12") as image:
        print(inspect(image).as_text())

The facts come unchanged from the manifest and the config; nothing is looked up in layers.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from pull.guest.plan import ImageProcess, process_of
from pull.image import PulledImage
from pull.spec.jsonfields import parse_object
from pyext4.sizes import format_size

__all__ = ["InspectedLayer", "Inspection", "inspect"]


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectedLayer:
    """A layer as the manifest describes it."""

    digest: str
    size_bytes: int  # compressed
    media_type: str
    diff_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """The facts."""

    reference: str
    digest: str
    platform: str
    platforms: tuple[str, ...]
    created: str | None
    process: ImageProcess
    config: dict[str, object]  # the config's own "config" object, whole
    layers: tuple[InspectedLayer, ...]

    def as_json(self) -> str:
        """Return the facts as a JSON object; `config` is the image's, letter for letter."""
        facts = {
            "reference": self.reference,
            "digest": self.digest,
            "platform": self.platform,
            "platforms": list(self.platforms),
            "created": self.created,
            "config": self.config,
            "layers": [
                {
                    "digest": layer.digest,
                    "size_bytes": layer.size_bytes,
                    "media_type": layer.media_type,
                    "diff_id": layer.diff_id,
                }
                for layer in self.layers
            ],
            "size_bytes": sum(layer.size_bytes for layer in self.layers),
        }
        return json.dumps(facts, indent=2)

    def as_text(self) -> str:
        """Return the facts as lines for people."""
        width = max(len(name) for name, _ in self._lines()) + 2
        return "\n".join(
            f"{name + ':' if name else '':<{width}}{_printable(value)}".rstrip()
            for name, value in self._lines()
        )

    def _lines(self) -> Iterator[tuple[str, str]]:
        process = self.process
        yield "image", self.reference
        yield "digest", self.digest
        yield "platform", self.platform
        yield from _named("platforms", self.platforms if len(self.platforms) > 1 else ())
        yield "created", self.created or "not stated"
        yield "entrypoint", shlex.join(process.entry) or "none"
        yield "command", shlex.join(process.cmd) or "none"
        yield "user", process.user or "root, because none is named"
        yield "workdir", process.workdir or "/"
        yield from _named("env", process.env)
        for name, value in (("stop signal", process.stop), ("hostname", process.hostname)):
            if value:
                yield name, value
        for name, key in (("ports", "ExposedPorts"), ("volumes", "Volumes")):
            keys = self.config.get(key)
            if isinstance(keys, dict) and keys:
                yield name, ", ".join(keys)
        labels = self.config.get("Labels")
        if isinstance(labels, dict):
            yield from _named("labels", tuple(f"{name}={labels[name]}" for name in labels))
        sizes = format_size(sum(layer.size_bytes for layer in self.layers))
        yield "layers", f"{len(self.layers)}, {sizes} compressed"
        for layer in self.layers:
            yield "", f"{layer.digest}  {format_size(layer.size_bytes)}"


def inspect(image: PulledImage) -> Inspection:
    """Return what the image's documents say about it.

    Raises:
        ManifestError: The config has a field of the wrong type.
    """
    where = f"{image.reference}: config"
    return Inspection(
        reference=image.reference,
        digest=image.digest,
        platform=str(image.platform),
        platforms=tuple(map(str, image.platforms)),
        created=image.config.created,
        process=process_of(image.config.raw, where),
        config=parse_object(image.config.raw, where).inner("config").values,
        layers=tuple(
            InspectedLayer(
                digest=layer.digest,
                size_bytes=layer.size,
                media_type=layer.media_type,
                diff_id=layer.diff_id,
            )
            for layer in image.layers
        ),
    )


def _named(name: str, values: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for number, value in enumerate(values):
        yield "" if number else name, value


def _printable(text: str) -> str:
    """Escape what a terminal would act on: strangers wrote it."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
