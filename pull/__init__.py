"""From a reference to an image at hand.

    with pull("debian:12") as image:
        for layer in image.layers:          # oldest first
            with layer.open() as stream:    # compressed bytes, from the cache or still arriving
                ...

This file only gathers what users of the library import. `pull.pulling` tells the story of one pull,
and `pull.command` is the program that joins the three packages.
"""

from __future__ import annotations

from pull.process import startup  # noqa: F401  # signals first: the rest takes long to import

# isort: split
from pull.errors import PullError
from pull.image import Layer, PulledImage
from pull.pulling import pull
from pull.registry.credentials import Credentials
from pull.registry.options import Mirror, TransportOptions
from pull.spec.platforms import Platform
from pull.spec.reference import LocalReference, Reference, parse_reference

__all__ = [
    "Credentials",
    "Layer",
    "LocalReference",
    "Mirror",
    "Platform",
    "PullError",
    "PulledImage",
    "Reference",
    "TransportOptions",
    "parse_reference",
    "pull",
]
