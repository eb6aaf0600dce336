"""Which manifest of an index, or of an index in an index, is the image for a platform.

A labelled entry that suits best wins; then whatever nested indexes offer; at last entries without a
label, whose config tells their platform. Attestations (`unknown/unknown`) are no images.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from pull.documents import Documents
from pull.errors import ManifestError, NoPlatformError
from pull.manifest import ImageConfig, Index, Manifest, is_index, parse_config, parse_document
from pull.platforms import Platform, rank
from pull.source import Document

__all__ = ["Selection", "select"]

_NESTING_MAX = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
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
        ManifestError: Something is malformed or no image.
    """
    search = _Search(documents, name, wanted)
    found = search.within(documents.top(), label=None, depth=0)
    seen = tuple(dict.fromkeys(search.seen))
    if found is None:
        available = list(dict.fromkeys(map(str, seen)))
        raise NoPlatformError(name, wanted=str(wanted), available=available)
    return replace(found, available=seen) if seen else found


class _Search:
    """One search, and the platforms that it came across."""

    def __init__(self, documents: Documents, name: str, wanted: Platform) -> None:
        self.documents = documents
        self.name = name
        self.wanted = wanted
        self.seen: list[Platform] = []

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
            # nothing says otherwise, as for images made from a bare archive
            platform = self.wanted
        elif label is None and not _suits(self.wanted, config):
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
            if entry.platform is None or is_index(entry.media_type):
                others.append((not is_index(entry.media_type), position, entry))
            elif not entry.platform.is_unknown:
                self.seen.append(entry.platform)
                fitness = rank(self.wanted, entry.platform)
                if fitness is not None:
                    labelled.append((fitness, position, entry))
        if labelled:
            entry = min(labelled, key=lambda item: item[:2])[2]
            return self.within(self.documents.get(entry), label=entry.platform, depth=depth + 1)
        for _, _, entry in sorted(others, key=lambda item: item[:2]):
            found = self.within(self.documents.get(entry), label=None, depth=depth + 1)
            if found is not None:
                return found
        return None


def _suits(wanted: Platform, config: ImageConfig) -> bool:
    offered = config.platform
    if offered is None or rank(wanted, offered) is not None:
        return True
    # many configs for arm leave the variant out, whatever they were built for
    same = (offered.os, offered.architecture) == (wanted.os, wanted.architecture)
    return same and not config.states_variant


def _check_layers(manifest: Manifest, config: ImageConfig, where: str) -> None:
    layers, diff_ids = len(manifest.layers), len(config.diff_ids)
    if diff_ids and diff_ids != layers:
        raise ManifestError(where, f"has {layers} layers, but its config lists: {diff_ids}")
