"""A download cut at a thousand points, spread over the blob: hardly any byte is sent twice."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

from pull import TransportOptions
from tests.pull.registry.fake_registry import FakeRegistry, Quirk
from tests.pull.registry.images import make_image
from tests.pull.registry.pulling import IMPATIENT, assert_sound, fetch

CUTS = 1000
PIECE = 8192
IMAGE = make_image([random.Random(3).randbytes((CUTS + 1) * PIECE)], compress="plain")
BLOB = "GET .*/blobs/" + next(d for d, blob in IMAGE.blobs.items() if blob in IMAGE.layers)
QUICK: TransportOptions = replace(IMPATIENT, backoff_seconds=0.0)


def test_cut_in_one_run(tmp_path: Path) -> None:
    with FakeRegistry(Quirk(BLOB, times=CUTS, close_after=PIECE)) as registry:
        reference = registry.add("a", "v1", IMAGE)
        assert fetch(reference, tmp_path, transport=QUICK) == list(IMAGE.layers)
        asked = registry.matching(BLOB)
        assert len(asked) == CUTS + 1
        offsets = [item.headers.get("range", "bytes=0-") for item in asked]
        assert offsets == [f"bytes={PIECE * number}-" for number in range(CUTS + 1)]
        assert registry.sent_of_blobs() <= 1.01 * (len(IMAGE.layers[0]) + len(IMAGE.config))
        assert_sound(tmp_path)


def test_reset_at_random_points(tmp_path: Path) -> None:
    # a reset loses what is on its way, so that points in the middle of a piece count too
    chance = random.Random(4)
    quirks = [Quirk(BLOB, times=1, cut_after=chance.randrange(1, 60_000)) for _ in range(100)]
    with FakeRegistry(*quirks) as registry:
        reference = registry.add("a", "v1", IMAGE)
        assert fetch(reference, tmp_path, transport=QUICK) == list(IMAGE.layers)
        assert_sound(tmp_path)
