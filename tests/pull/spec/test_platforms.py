"""Platforms: containerd's normalisation and order, as tables."""

from __future__ import annotations

import os

import pytest

from pull.spec.platforms import Platform, PlatformSyntaxError, host, rank

NORMAL = {
    "linux/amd64": "linux/amd64",
    "linux/x86_64": "linux/amd64",
    "linux/x86-64": "linux/amd64",
    "Linux/AMD64": "linux/amd64",
    "linux/amd64/v1": "linux/amd64",
    "linux/amd64/v3": "linux/amd64/v3",
    "linux/amd64/3": "linux/amd64/v3",
    "amd64": "linux/amd64",
    "arm64": "linux/arm64",
    "linux/aarch64": "linux/arm64",
    "linux/arm64/v8": "linux/arm64",
    "linux/arm64/8": "linux/arm64",
    "linux/arm64/v9": "linux/arm64/v9",
    "linux/arm": "linux/arm/v7",
    "linux/arm/7": "linux/arm/v7",
    "linux/arm/v6": "linux/arm/v6",
    "linux/armhf": "linux/arm/v7",
    "linux/armel": "linux/arm/v6",
    "linux/i386": "linux/386",
    "linux/i686": "linux/386",
    "linux/ppc64le": "linux/ppc64le",
    "linux/s390x": "linux/s390x",
    "macos/arm64": "darwin/arm64",
    "windows(10.0.17763)/amd64": "windows(10.0.17763)/amd64",
}

# wanted: the offers that do, the best one first
ORDER = {
    "linux/amd64": ["linux/amd64"],
    "linux/amd64/v3": ["linux/amd64/v3", "linux/amd64/v2", "linux/amd64"],
    "linux/arm/v7": ["linux/arm/v7", "linux/arm/v6", "linux/arm/v5"],
    "linux/arm/v6": ["linux/arm/v6", "linux/arm/v5"],
    "linux/arm/v8": ["linux/arm/v8", "linux/arm/v7", "linux/arm/v6", "linux/arm/v5"],
    "linux/arm64": [
        "linux/arm64",
        "linux/arm/v8",
        "linux/arm/v7",
        "linux/arm/v6",
        "linux/arm/v5",
    ],
    "linux/386": ["linux/386"],
    "linux/riscv64": ["linux/riscv64"],
    "windows(10.0.17763)/amd64": ["windows(10.0.17763.1)/amd64"],
}
OFFERS = sorted({offer for offers in ORDER.values() for offer in offers} | {"unknown/unknown"})

MACHINES = {
    "x86_64": "linux/amd64",
    "aarch64": "linux/arm64",
    "armv7l": "linux/arm/v7",
    "armv6l": "linux/arm/v6",
    "armv8l": "linux/arm/v8",
    "i686": "linux/386",
    "riscv64": "linux/riscv64",
    "ppc64le": "linux/ppc64le",
    "s390x": "linux/s390x",
    "loongarch64": "linux/loong64",
}


@pytest.mark.parametrize("text", NORMAL)
def test_normalised(text: str) -> None:
    assert str(Platform.parse(text)) == NORMAL[text]


@pytest.mark.parametrize("text", ["", "/", "linux/", "linux/amd64/v1/x", "a b/c", "w(1/amd64"])
def test_wrong(text: str) -> None:
    with pytest.raises(PlatformSyntaxError):
        Platform.parse(text)


@pytest.mark.parametrize("wanted", ORDER)
def test_order(wanted: str) -> None:
    ranked = {offer: rank(Platform.parse(wanted), Platform.parse(offer)) for offer in OFFERS}
    fit = {offer: fitness for offer, fitness in ranked.items() if fitness is not None}
    assert sorted(fit, key=lambda offer: fit[offer]) == ORDER[wanted]


@pytest.mark.parametrize("machine", MACHINES)
def test_host(machine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    here = os.uname_result(("Linux", "name", "6.1", "#1", machine))
    monkeypatch.setattr(os, "uname", lambda: here)
    assert str(host()) == MACHINES[machine]
