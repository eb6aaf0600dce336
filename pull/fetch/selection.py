"""Which manifest of an index, or of an index in an index, is the image for a platform.

The labelled entry that suits best wins; then whatever nested indexes offer; last, entries without
a label, whose config tells their platform. Attestations (`unknown/unknown`) and other artifacts are
not images and are skipped, and so are entries that need operating system features that are not
here: a label's `os.features` are "mandatory" (the image-spec, image-index.md).
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from pull.errors import ManifestError, NoImageError, NoPlatformError
from pull.fetch.documents import Documents
from pull.source import Document
from pull.spec.manifest import (
    Descriptor,
    ImageConfig,
    Index,
    Manifest,
    is_document,
    is_index,
    parse_config,
    parse_document,
)
from pull.spec.platforms import Platform, rank

__all__ = ["Selection", "select"]

_NESTING_MAX = 4


class Selection(NamedTuple):
    """An image for one platform."""

    document: Document
    manifest: Manifest
    config: ImageConfig
    platform: Platform
    available: tuple[Platform, ...]  # what the index offers, in its order; else the image's own


def select(documents: Documents, name: str, wanted: Platform) -> Selection:
    """Find the image for a platform, from the document that the reference names.

    Raises:
        NoPlatformError: There are images, but for other platforms.
        ManifestError: Something is malformed or not an image.
    """
    search = _Search(documents, name, wanted)
    found = search.within(documents.top(), label=None, depth=0)
    seen = tuple(dict.fromkeys(search.seen))
    if found is not None:
        return found._replace(available=seen) if seen else found
    if search.failure is not None and (search.failure_suits or not search.seen):
        raise search.failure
    lacking = {
        f"{replace(platform, os_features=())} ({', '.join(platform.lacking_features)})": None
        for platform in search.seen
        if platform.lacking_features
    }
    usable = [str(platform) for platform in search.seen if not platform.lacking_features]
    available = list(dict.fromkeys(usable))
    raise NoPlatformError(name, wanted=str(wanted), available=available, lacking=list(lacking))


class _Search:
    """One search, the platforms that it saw, and the first entry that was not an image."""

    def __init__(self, documents: Documents, name: str, wanted: Platform) -> None:
        self.documents = documents
        self.name = name
        self.wanted = wanted
        self.seen: list[Platform] = []
        self.failure: NoImageError | None = None
        self.failure_suits = False  # by its label it is for the platform

    def within(self, document: Document, *, label: Platform | None, depth: int) -> Selection | None:
        """Search a document; `label` is the platform by which an index has led here."""
        where = f"{self.name}: {document.digest}"
        parsed = parse_document(document.data, where, document.media_type)
        if isinstance(parsed, Index):
            return self._within_index(parsed, where, depth)
        config = parse_config(self.documents.config(parsed.config), f"{where}: config")
        _check_layers(parsed, config, where)
        platform = label or config.platform
        if platform is None:
            # nothing says otherwise, as in images made from a bare archive
            platform = self.wanted
        elif label is None and not _suits(self.wanted, config, is_only=depth == 0):
            self.seen.append(platform)
            return None
        return Selection(
            document=document,
            manifest=parsed,
            config=config,
            platform=platform,
            available=(platform,),
        )

    def _within_index(self, index: Index, where: str, depth: int) -> Selection | None:
        if depth >= _NESTING_MAX:
            raise ManifestError(where, f"indexes are nested deeper than {_NESTING_MAX}")
        labelled = []
        others = []
        for position, entry in enumerate(index.manifests):
            if not is_document(entry.media_type):
                continue
            if entry.platform is None or is_index(entry.media_type):
                order = 0 if is_index(entry.media_type) else 1
                others.append((entry.is_artifact, order, position, entry))
            elif not entry.platform.is_unknown:
                self.seen.append(entry.platform)
                fitness = rank(self.wanted, entry.platform)
                if fitness is not None:
                    labelled.append((entry.is_artifact, fitness, position, entry))
        return self._first(labelled, depth, are_labelled=True) or self._first(
            others, depth, are_labelled=False
        )

    def _first(
        self, entries: list[tuple[bool, int, int, Descriptor]], depth: int, *, are_labelled: bool
    ) -> Selection | None:
        """Return the best entry that is an image; an artifact may come before it."""
        for *_, entry in sorted(entries, key=lambda item: item[:3]):
            label = entry.platform if are_labelled else None
            try:
                found = self.within(self.documents.get(entry), label=label, depth=depth + 1)
            except NoImageError as error:
                self.failure = self.failure or error
                self.failure_suits = self.failure_suits or are_labelled
                continue
            if found is not None:
                return found
        return None


def _suits(wanted: Platform, config: ImageConfig, *, is_only: bool) -> bool:
    offered = config.platform
    if offered is None or rank(wanted, offered) is not None:
        return True
    if offered.lacking_features and not is_only:
        return False
    # many configs for arm leave out the variant, whatever they were built for
    same = (offered.os, offered.architecture) == (wanted.os, wanted.architecture)
    return same and not config.states_variant


def _check_layers(manifest: Manifest, config: ImageConfig, where: str) -> None:
    layers, diff_ids = len(manifest.layers), len(config.diff_ids)
    if diff_ids and diff_ids != layers:
        raise ManifestError(where, f"has {layers} layers, but its config lists: {diff_ids}")
