"""Mirrors are tried first, and the registry whenever they fail."""

from __future__ import annotations

import copy
import random
from dataclasses import dataclass
from pathlib import Path

import pytest

from pull import Credentials, Mirror, TransportOptions, pull
from pull.errors import AccessDeniedError, TransportError
from tests.pull.registry.fake_registry import FakeRegistry, Quirk
from tests.pull.registry.images import make_image
from tests.pull.registry.pulling import HASTY, IMPATIENT, assert_sound, contents

IMAGE = make_image([random.Random(6).randbytes(300_000), b"x"])
BIG = "GET .*/blobs/" + next(d for d, blob in IMAGE.blobs.items() if blob == IMAGE.layers[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A mirror's vice, and which requests the registry gets to see because of it."""

    quirks: tuple[Quirk, ...] = ()
    asked: int = 0
    has_image: bool = True


ROWS = {
    "a good one": Row(),
    "does not have it": Row(has_image=False, asked=4),
    "always 500": Row(quirks=(Quirk("", status=500),), asked=4),
    "wants a login": Row(quirks=(Quirk("", status=401),), asked=4),
    "manifest of another": Row(quirks=(Quirk("/manifests/", body=b"{}"),), asked=1),
    "wrong bytes": Row(quirks=(Quirk(BIG, flip=7),), asked=1),
    "lying length": Row(quirks=(Quirk(BIG, body=b"short"),), asked=1),
    "breaks off for ever": Row(quirks=(Quirk(BIG, close_after=0),), asked=1),
    "breaks off, then fails": Row(
        quirks=(Quirk(BIG, times=1, close_after=99_999), Quirk(BIG, status=500)), asked=1
    ),
    "stalls": Row(quirks=(Quirk(BIG, stall_seconds=1.0),), asked=1),
}


def fetch_by(
    mirror_url: str,
    reference: str,
    registry: FakeRegistry,
    cache_dir: Path,
    transport: TransportOptions = IMPATIENT,
) -> None:
    with pull(
        reference,
        cache_dir=cache_dir,
        platform="linux/amd64",
        transport=transport,
        credentials=lambda _registry, _repository: None,
        mirrors=[
            Mirror("other.example", "http://127.0.0.1:1"),
            Mirror(registry.address, mirror_url),
        ],
    ) as image:
        image.fetch()


@pytest.mark.parametrize("name", ROWS)
def test_mirror(name: str, tmp_path: Path) -> None:
    row = ROWS[name]
    with FakeRegistry() as registry, FakeRegistry(*copy.deepcopy(row.quirks)) as mirror:
        reference = registry.add("app", "v1", IMAGE)
        if row.has_image:
            mirror.add("app", "v1", IMAGE)
        transport = HASTY if any(quirk.stall_seconds for quirk in row.quirks) else IMPATIENT
        fetch_by(f"http://{mirror.address}", reference, registry, tmp_path, transport)
        assert len(registry.requests) == row.asked
        assert_sound(tmp_path)
        assert contents(tmp_path).items() >= IMAGE.blobs.items()


def test_mirror_that_is_not_there(tmp_path: Path) -> None:
    with FakeRegistry() as registry:
        fetch_by("http://127.0.0.1:1", registry.add("app", "v1", IMAGE), registry, tmp_path)
        assert_sound(tmp_path)


def test_mirror_gets_no_credentials_of_the_registry(tmp_path: Path) -> None:
    asked: list[str] = []

    def find(registry: str, repository: str) -> Credentials | None:
        asked.append(f"{registry}/{repository}")
        return None

    with FakeRegistry() as registry, FakeRegistry() as mirror:
        reference = registry.add("app", "v1", IMAGE)
        mirror.challenge = registry.challenge = "Basic"
        with pytest.raises(AccessDeniedError):
            pull(
                reference,
                cache_dir=tmp_path,
                transport=IMPATIENT,
                credentials=find,
                mirrors=[Mirror(registry.address, f"http://{mirror.address}/copies")],
            )
        assert asked == [f"{mirror.address}/copies/app", f"{registry.address}/app"]


def test_proxy_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # to a proxy the whole URL is sent, which is how the fake one knows that it is meant to be one
    with FakeRegistry() as proxy:
        url = "http://r.example/v2/app/manifests/v1"
        proxy.manifests[url] = (IMAGE.manifest, IMAGE.media_type)
        proxy.blobs |= IMAGE.blobs
        monkeypatch.setenv("http_proxy", f"http://{proxy.address}")
        monkeypatch.delenv("no_proxy", raising=False)
        with pull(
            "r.example/app:v1",
            cache_dir=tmp_path,
            platform="linux/amd64",
            transport=IMPATIENT,
            credentials=lambda _registry, _repository: None,
        ) as image:
            image.fetch()
        assert proxy.count("GET http://r.example/v2/app/") == 4
        monkeypatch.setenv("no_proxy", "r.example")
        with pytest.raises(TransportError, match=r"r\.example"):
            pull("r.example/app:v1", cache_dir=tmp_path / "2", transport=IMPATIENT)
