"""Several images in one layout or archive: the user must choose, by name or by position."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pull import parse_reference, pull
from pull.errors import LayoutError, NoPlatformError, ReferenceSyntaxError
from tests.oracle_tools import need
from tests.pull.local.test_layouts import ROOT, docker_save, tar_of
from tests.pull.registry.images import Image, digest_of, make_image, make_tar, write_layout

ONE = make_image([make_tar({"a": b"1"})])
TWO = make_image([make_tar({"a": b"2"})])
ARM = make_image([make_tar({"a": b"3"})], architecture="arm64")
AMD64 = {"os": "linux", "architecture": "amd64"}
ARM64 = {"os": "linux", "architecture": "arm64"}

Entry = tuple[str, Image, dict[str, str] | None]


def layout(path: Path, *entries: Entry) -> Path:
    """A layout whose index lists just these (name or nothing, image, platform or nothing)."""
    write_layout(path, {str(number): image for number, (_, image, _) in enumerate(entries)})
    listed = []
    for name, image, platform in entries:
        entry: dict[str, object] = {
            "mediaType": image.media_type,
            "digest": image.digest,
            "size": len(image.manifest),
        }
        if name:
            entry["annotations"] = {"org.opencontainers.image.ref.name": name}
        if platform is not None:
            entry["platform"] = platform
        listed.append(entry)
    (path / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": listed}))
    return path


def chosen(reference: str, tmp_path: Path, platform: str = "linux/amd64") -> str:
    with pull(reference, cache_dir=tmp_path / "cache", platform=platform) as image:
        return image.digest


SEVERAL: dict[str, tuple[tuple[Entry, ...], str, str]] = {
    "two names": ((("v1", ONE, AMD64), ("v2", TWO, AMD64)), "", " for linux/amd64, {}: v1, v2 (as"),
    "no names": ((("", ONE, AMD64), ("", TWO, AMD64)), "", " for linux/amd64, {}: @0, @1 (as"),
    "one name for both": (
        (("v1", ONE, AMD64), ("v1", TWO, AMD64), ("v1", ARM, ARM64)),
        ":v1",
        " for linux/amd64, {}: @0, @1 (as",
    ),
    "one has a name": ((("", ONE, AMD64), ("v2", TWO, AMD64)), "", ", {}: @0, v2 (as"),
    "a tag that is another's name": (
        (("x/y:v1", ONE, None), ("v1", TWO, None)),
        "",
        " images, {}: @1, x/y:v1 (as",
    ),
    "two names with one tag": (
        (("x:v1", ONE, None), ("y:v1", TWO, None)),
        ":v1",
        " images, {}: x:v1, y:v1 (as",
    ),
    "no platforms": ((("v1", ONE, None), ("v2", TWO, None)), "", " images, {}: v1, v2 (as"),
    "one has a platform": ((("v1", ONE, AMD64), ("v2", TWO, None)), "", " images, {}: v1, v2 (as"),
    "behind one of another platform": (
        (("v0", ARM, ARM64), ("v1", ONE, AMD64), ("v2", TWO, AMD64)),
        "",
        ", {}: v1, v2 (as",
    ),
}


@pytest.mark.parametrize("kind", ["oci", "oci-archive"])
@pytest.mark.parametrize("name", SEVERAL)
def test_several_in_a_layout(name: str, kind: str, tmp_path: Path) -> None:
    entries, suffix, says = SEVERAL[name]
    path = layout(tmp_path / "layout", *entries)
    if kind == "oci-archive":
        path = tmp_path / "archive"
        path.write_bytes(tar_of(tmp_path / "layout"))
    with pytest.raises(LayoutError) as caught:
        chosen(f"{kind}:{path}{suffix}", tmp_path)
    message = str(caught.value)
    assert message.startswith(f"{path}: has several images")
    assert says.format("choose one") in message
    how = message.rpartition("as in ")[2].rstrip(")")
    assert chosen(how, tmp_path) in (ONE.digest, TWO.digest)


@pytest.mark.parametrize(
    ("entries", "platform", "image"),
    [
        ((("v1", ONE, AMD64), ("v2", ONE, AMD64)), "linux/amd64", ONE),
        ((("v1", ONE, None), ("v2", ONE, None)), "linux/amd64", ONE),
        ((("v1", ONE, AMD64), ("v2", ARM, ARM64)), "linux/amd64", ONE),
        ((("v1", ONE, AMD64), ("v2", ARM, ARM64)), "linux/arm64", ARM),
        ((("", ONE, AMD64), ("", ARM, ARM64)), "linux/arm64", ARM),
    ],
)
def test_no_choice_to_make(
    entries: tuple[Entry, ...], platform: str, image: Image, tmp_path: Path
) -> None:
    path = layout(tmp_path / "layout", *entries)
    assert chosen(f"oci:{path}", tmp_path, platform) == image.digest


def test_one_image_for_several_levels_is_no_ambiguity(tmp_path: Path) -> None:
    six = make_image([make_tar({"a": b"6"})], architecture="arm", variant="v6")
    seven = make_image([make_tar({"a": b"7"})], architecture="arm", variant="v7")
    entries = [
        ("v1", image, {"os": "linux", "architecture": "arm", "variant": variant})
        for image, variant in ((six, "v6"), (seven, "v7"))
    ]
    path = layout(tmp_path / "layout", *entries)
    assert chosen(f"oci:{path}", tmp_path, "linux/arm/v7") == seven.digest
    assert chosen(f"oci:{path}", tmp_path, "linux/arm/v6") == six.digest


def test_none_for_the_platform(tmp_path: Path) -> None:
    path = layout(tmp_path / "layout", ("v1", ONE, AMD64), ("v2", TWO, AMD64))
    with pytest.raises(NoPlatformError, match="choose one with --platform: linux/amd64"):
        chosen(f"oci:{path}", tmp_path, "linux/s390x")


def test_one_index_of_platforms_is_no_choice(tmp_path: Path) -> None:
    path = layout(tmp_path / "layout", ("v1", ONE, AMD64), ("v2", ARM, ARM64))
    inner = (path / "index.json").read_bytes()
    digest = digest_of(inner)
    (path / "blobs/sha256" / digest.removeprefix("sha256:")).write_bytes(inner)
    media_type = "application/vnd.oci.image.index.v1+json"
    entry = {"mediaType": media_type, "digest": digest, "size": len(inner)}
    twice = [entry, {**entry, "annotations": {"org.opencontainers.image.ref.name": "v1"}}]
    (path / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": twice}))
    assert chosen(f"oci:{path}", tmp_path) == ONE.digest
    assert chosen(f"oci:{path}", tmp_path, "linux/arm64") == ARM.digest


def test_artifacts_beside_an_image_are_no_choice(tmp_path: Path) -> None:
    path = layout(tmp_path / "layout", ("", TWO, None), ("", ONE, None))
    index = json.loads((path / "index.json").read_bytes())
    index["manifests"][0]["artifactType"] = "application/spdx+json"
    (path / "index.json").write_text(json.dumps(index))
    assert chosen(f"oci:{path}", tmp_path) == ONE.digest


@pytest.mark.parametrize(("position", "image"), [("@0", ONE), ("@1", TWO), ("@2", ARM)])
def test_by_position_in_a_layout(position: str, image: Image, tmp_path: Path) -> None:
    path = layout(tmp_path / "layout", ("v", ONE, AMD64), ("v", TWO, AMD64), ("", ARM, ARM64))
    platform = "linux/arm64" if image is ARM else "linux/amd64"
    assert chosen(f"oci:{path}:{position}", tmp_path, platform) == image.digest
    (tmp_path / "archive").write_bytes(tar_of(path))
    reference = f"oci-archive:{tmp_path}/archive:{position}"
    assert chosen(reference, tmp_path, platform) == image.digest
    with pytest.raises(LayoutError, match="has no image @3: 3 in all"):
        chosen(f"oci:{path}:@3", tmp_path)


def test_by_position_or_name_in_a_docker_archive(tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    archive.write_bytes(docker_save({"a:1": ONE, "b:1": TWO}))
    reference = f"docker-archive:{archive}"
    with pytest.raises(LayoutError) as caught:
        chosen(reference, tmp_path)
    assert str(caught.value) == (
        f"{archive}: has several images, choose one: a:1, b:1 (as in {reference}:a:1)"
    )
    first, second = (chosen(f"{reference}:{name}:1", tmp_path) for name in "ab")
    assert first != second
    assert chosen(f"{reference}:@0", tmp_path) == first
    assert chosen(f"{reference}:@1", tmp_path) == second
    with pytest.raises(LayoutError, match="has no image @2: 2 in all"):
        chosen(f"{reference}:@2", tmp_path)


@pytest.mark.parametrize("text", ["@", "@-1", "@x", "@1:2", "@\u0663", "@" + "9" * 20])
@pytest.mark.parametrize("kind", ["oci", "oci-archive", "docker-archive"])
def test_what_is_no_position(kind: str, text: str) -> None:
    with pytest.raises(ReferenceSyntaxError, match="@ must be followed by a number from 0: '@"):
        parse_reference(f"{kind}:x:{text}")


@pytest.mark.parametrize("text", ["oci:x:@0", "oci-archive:x:@12", "docker-archive:x:@3"])
def test_positions_are_written_as_they_are_read(text: str) -> None:
    assert str(parse_reference(text)) == text


@pytest.mark.parametrize("kind", ["oci", "docker"])
def test_standard_input_says_how_to_choose(kind: str, tmp_path: Path) -> None:
    if kind == "oci":
        data = tar_of(layout(tmp_path / "layout", ("a:1", ONE, AMD64), ("b:1", TWO, AMD64)))
    else:
        data = docker_save({"a:1": ONE, "b:1": TWO})
    how = f"{kind}-archive:/dev/stdin:a:1"

    def run(reference: str) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "pull", "--list", "-q", "--platform", "linux/amd64"]
        command += ["--cache-dir", str(tmp_path / "cache"), reference]
        return subprocess.run(command, input=data, capture_output=True, check=False, cwd=ROOT)

    refused = run("-")
    assert refused.returncode == 1
    assert refused.stderr.count(b"\n") == 1
    assert b"standard input: has several images" in refused.stderr
    assert f"choose one: a:1, b:1 (as in {how})\n".encode() in refused.stderr
    assert run(how).returncode == 0


@pytest.mark.oracle
def test_positions_are_those_of_skopeo(tmp_path: Path) -> None:
    need("skopeo")
    archive = tmp_path / "archive"
    archive.write_bytes(docker_save({"a:1": ONE, "b:1": TWO}))
    for position in (0, 1):
        reference = f"docker-archive:{archive}:@{position}"
        inspected = subprocess.run(
            ["skopeo", "inspect", "--config", reference],
            capture_output=True,
            check=True,
            env=os.environ,
        )
        config = json.loads(inspected.stdout)
        with pull(reference, cache_dir=tmp_path, platform="linux/amd64") as image:
            diff_ids = [layer.diff_id for layer in image.layers]
        assert config["rootfs"]["diff_ids"] == diff_ids
