"""What --inspect says about an image, without converting it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pull import PulledImage, pull
from pull.errors import ManifestError
from pull.guest.inspection import inspect
from tests.pull.registry.fake_registry import FakeRegistry
from tests.pull.registry.images import (
    OCI,
    Image,
    descriptor,
    digest_of,
    make_index,
    make_tar,
    write_layout,
)
from tests.pull.registry.pulling import IMPATIENT, contents, nobody

TAR = make_tar({"bin/app": b"1" * 5000})
PROCESS = {
    "Entrypoint": ["/bin/app", "--name", "it is"],
    "Cmd": ["serve"],
    "Env": ["PATH=/bin", "ESCAPE=\x1b[2J\u009b"],
    "User": "app:app",
    "WorkingDir": "/srv",
    "StopSignal": "SIGQUIT",
    "ExposedPorts": {"80/tcp": {}, "53/udp": {}},
    "Labels": {"org.example.name": "app"},
}


def image_with(process: object, *, architecture: str = "amd64", layers: int = 2) -> Image:
    config = json.dumps(
        {
            "os": "linux",
            "architecture": architecture,
            "created": "2024-05-06T07:08:09Z",
            "config": process,
            "rootfs": {"type": "layers", "diff_ids": [digest_of(TAR)] * layers},
        }
    ).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI.manifest,
        "config": descriptor(config, OCI.config),
        "layers": [descriptor(TAR, OCI.layer_gzip.removesuffix("+gzip"))] * layers,
    }
    return Image(
        manifest=json.dumps(manifest).encode(),
        media_type=OCI.manifest,
        config=config,
        layers=(TAR,) * layers,
    )


def pulled(tmp_path: Path, image: Image) -> PulledImage:
    write_layout(tmp_path / "layout", {"v1": image})
    return pull(f"oci:{tmp_path}/layout:v1", platform="linux/amd64")


def test_as_text(tmp_path: Path) -> None:
    image = image_with(PROCESS)
    with pulled(tmp_path, image) as found:
        lines = inspect(found).as_text().splitlines()
    assert lines == [
        f"image:       oci:{tmp_path}/layout:v1",
        f"digest:      {image.digest}",
        "platform:    linux/amd64",
        "created:     2024-05-06T07:08:09Z",
        "entrypoint:  /bin/app --name 'it is'",
        "command:     serve",
        "user:        app:app",
        "workdir:     /srv",
        "env:         PATH=/bin",
        r"             ESCAPE=\x1b[2J\x9b",
        "stop signal: SIGQUIT",
        "ports:       80/tcp, 53/udp",
        "labels:      org.example.name=app",
        "layers:      2, 20.0 KiB compressed",
        f"             {digest_of(TAR)}  10.0 KiB",
        f"             {digest_of(TAR)}  10.0 KiB",
    ]


def test_as_json(tmp_path: Path) -> None:
    image = image_with(PROCESS)
    with pulled(tmp_path, image) as found:
        facts = json.loads(inspect(found).as_json())
    assert facts == {
        "reference": f"oci:{tmp_path}/layout:v1",
        "digest": image.digest,
        "platform": "linux/amd64",
        "platforms": ["linux/amd64"],
        "created": "2024-05-06T07:08:09Z",
        "config": PROCESS,
        "layers": [
            {
                "digest": digest_of(TAR),
                "size_bytes": len(TAR),
                "media_type": "application/vnd.oci.image.layer.v1.tar",
                "diff_id": digest_of(TAR),
            }
        ]
        * 2,
        "size_bytes": 2 * len(TAR),
    }


def test_an_image_that_says_nothing(tmp_path: Path) -> None:
    with pulled(tmp_path, image_with(None, layers=0)) as found:
        text = inspect(found).as_text()
    assert "entrypoint: none\ncommand:    none\nuser:       root, because none is named\n" in text
    assert text.endswith("layers:     0, 0 B compressed")


def test_a_malformed_config_is_one_error(tmp_path: Path) -> None:
    with pulled(tmp_path, image_with({"Cmd": "x"})) as found, pytest.raises(ManifestError) as error:
        inspect(found)
    assert "config: 'Cmd' should be an array" in str(error.value).replace("config.config", "config")


def test_no_layer_is_downloaded_and_all_platforms_are_named(tmp_path: Path) -> None:
    amd64, arm64 = image_with(PROCESS), image_with(PROCESS, architecture="arm64")
    with FakeRegistry() as registry:
        for image in (amd64, arm64):
            registry.add("app", image.digest, image)
        index = make_index(
            [
                descriptor(
                    image.manifest,
                    OCI.manifest,
                    platform={"os": "linux", "architecture": architecture},
                )
                for image, architecture in ((amd64, "amd64"), (arm64, "arm64"))
            ]
            + [
                descriptor(
                    b"{}", OCI.manifest, platform={"os": "unknown", "architecture": "unknown"}
                )
            ]
        )
        registry.add_manifest("app", "v1", index, OCI.index)
        reference = f"{registry.address}/app:v1"
        with pull(
            reference,
            cache_dir=tmp_path,
            platform="linux/arm64",
            credentials=nobody,
            transport=IMPATIENT,
        ) as found:
            made = inspect(found)
    assert made.platform == "linux/arm64"
    assert made.platforms == ("linux/amd64", "linux/arm64")
    assert digest_of(TAR) not in contents(tmp_path)
    assert "platforms:   linux/amd64\n             linux/arm64\n" in made.as_text()
