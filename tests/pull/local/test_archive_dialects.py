"""Archives as different programs write them: holes, links, keys, names, sizes."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from pull.errors import LayoutError, ManifestError, PullError, SizeMismatchError
from tests.oracle_tools import need
from tests.pull.local.test_layouts import docker_save, read, tar_of
from tests.pull.registry.images import digest_of, make_image, make_tar, write_layout

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

# A layer with holes in front, between data, and behind.
HOLED = make_tar(
    {
        "a": bytes(300_000) + b"1" * 5000 + bytes(900_000) + b"2" * 70_000 + bytes(200_000),
        "b": b"3",
        "c": bytes(500_000),
    }
)
IMAGE = make_image([HOLED, make_tar({"d": b"4"})], compress="none")
GNU = ["tar", "--sort=name", "--sparse", "-cf"]
MAKERS: dict[str, list[str]] = {
    "bsdtar, unasked": ["bsdtar", "-cf"],
    "bsdtar, ./": ["bsdtar", "-cf"],
    "GNU tar, old": [*GNU, "--format=gnu"],
    "GNU tar, 0.0": [*GNU, "--format=posix", "--sparse-version=0.0"],
    "GNU tar, 0.1": [*GNU, "--format=posix", "--sparse-version=0.1"],
    "GNU tar, 1.0": [*GNU, "--format=posix", "--sparse-version=1.0"],
}


def with_holes(directory: Path) -> None:
    """Punch the holes that the files' zeros may be."""
    for path in directory.rglob("*"):
        if path.is_file():
            subprocess.run(["fallocate", "--dig-holes", path], check=True)


def packed(maker: str, directory: Path, archive: Path) -> bytes:
    need(MAKERS[maker][0])
    with_holes(directory)
    command = MAKERS[maker]
    at = command.index("-cf")
    names = ["."] if maker.endswith("./") else sorted(os.listdir(directory))
    command = [*command[: at + 1], str(archive), *command[at + 1 :], "-C", str(directory), *names]
    subprocess.run(command, check=True)
    data = archive.read_bytes()
    assert len(data) < 400_000  # or there were no holes
    return data


@pytest.mark.oracle
@pytest.mark.parametrize("compression", ["plain", "gzip"])
@pytest.mark.parametrize("maker", MAKERS)
def test_layers_with_holes_in_an_oci_archive(maker: str, compression: str, tmp_path: Path) -> None:
    write_layout(tmp_path / "layout", {"v1": IMAGE})
    archive = tmp_path / "archive"
    data = packed(maker, tmp_path / "layout", archive)
    if compression == "gzip":
        archive.write_bytes(gzip.compress(data))
    assert read(f"oci-archive:{archive}:v1", tmp_path) == (IMAGE.digest, list(IMAGE.layers))


@pytest.mark.oracle
@pytest.mark.parametrize("maker", MAKERS)
def test_layers_with_holes_in_a_docker_archive(maker: str, tmp_path: Path) -> None:
    config = hashlib.sha256(IMAGE.config).hexdigest()
    (tmp_path / "saved" / "l0").mkdir(parents=True)
    (tmp_path / "saved" / f"{config}.json").write_bytes(IMAGE.config)
    (tmp_path / "saved/l0/layer.tar").write_bytes(IMAGE.layers[0])
    (tmp_path / "saved/l1.tar").write_bytes(IMAGE.layers[1])
    manifest = [{"Config": f"{config}.json", "Layers": ["l0/layer.tar", "l1.tar"]}]
    (tmp_path / "saved/manifest.json").write_text(json.dumps(manifest))
    archive = tmp_path / "archive"
    packed(maker, tmp_path / "saved", archive)
    assert read(f"docker-archive:{archive}", tmp_path)[1] == list(IMAGE.layers)


def test_a_sparse_file_read_in_pieces_and_from_anywhere(tmp_path: Path) -> None:
    """The map of PAX 0.1: a hole, three bytes, a hole, two bytes, a hole."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        member = tarfile.TarInfo("x")
        member.size = 5
        member.pax_headers = {
            "GNU.sparse.size": "20",
            "GNU.sparse.map": "4,3,9,0,10,2",
            "GNU.sparse.numblocks": "3",
        }
        archive.addfile(member, io.BytesIO(b"abcde"))
    (tmp_path / "tar").write_bytes(out.getvalue())
    from pull.local.archive_files import open_archive  # noqa: PLC0415  # it is internal

    expected = bytes(4) + b"abc" + bytes(3) + b"de" + bytes(8)
    files = open_archive(str(tmp_path / "tar"), tmp_path)
    with files.open("x") as stream:
        assert stream.read() == expected
        for start in range(22):
            for length in range(1, 22):
                stream.seek(start)
                assert stream.read(length) == expected[start : start + length]
    files.close()


BAD_MAPS = ["5,1,0,1", "0,5,2,5", "19,5", "-1,5", "x", "0,99999999999999999999"]


@pytest.mark.parametrize("text", BAD_MAPS)
def test_a_sparse_map_that_makes_no_sense(text: str, tmp_path: Path) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        member = tarfile.TarInfo("manifest.json")
        member.pax_headers = {"GNU.sparse.size": "20", "GNU.sparse.map": text}
        archive.addfile(member)
    (tmp_path / "tar").write_bytes(out.getvalue())
    with pytest.raises(LayoutError) as caught:
        read(f"docker-archive:{tmp_path}/tar", tmp_path)
    assert str(caught.value).startswith(f"{tmp_path}/tar: ")


SAVED = make_image([make_tar({"a": b"1"}), make_tar({"b": b"2"})])
PLAIN = [gzip.decompress(layer) for layer in SAVED.layers]
LISTS: dict[str, dict[str, object]] = {
    "Docker": {"Config": "config.json", "RepoTags": ["a:1"], "Layers": ["0", "1"]},
    "old Jib": {"config": "config.json", "repoTags": ["a:1"], "layers": ["0", "1"]},
    "no names": {"Config": "config.json", "RepoTags": None, "Layers": ["./0", "1"]},
    "both cases": {"Config": "config.json", "config": "no", "Layers": ["0", "1"], "layers": []},
}


@pytest.mark.parametrize("name", LISTS)
def test_keys_of_the_list(name: str, tmp_path: Path) -> None:
    files = {
        "manifest.json": json.dumps([LISTS[name]]).encode(),
        "config.json": SAVED.config,
        "0": SAVED.layers[0],
        "1": PLAIN[1],
    }
    (tmp_path / "tar").write_bytes(make_tar(files))
    assert read(f"docker-archive:{tmp_path}/tar", tmp_path)[1] == [SAVED.layers[0], PLAIN[1]]


@pytest.mark.parametrize(
    "config",
    [
        "0" * 64 + ".json",
        "0" * 64,
        "sha256:" + "0" * 64,
        "blobs/sha256/" + "0" * 64,
        "/c",
        "x/../c",
    ],
)
def test_configs_of_any_name(config: str, tmp_path: Path) -> None:
    manifest = [{"Config": config, "Layers": ["0", "1"]}]
    files = {
        "manifest.json": json.dumps(manifest).encode(),
        "c" if config.endswith("c") else config: SAVED.config,
        "0": PLAIN[0],
        "1": PLAIN[1],
    }
    (tmp_path / "tar").write_bytes(make_tar(files))
    assert read(f"docker-archive:{tmp_path}/tar", tmp_path)[1] == PLAIN


@pytest.mark.oracle
@pytest.mark.parametrize("name", ["old Jib", "config of another name"])
def test_skopeo_takes_them_too(name: str, tmp_path: Path) -> None:
    need("skopeo")
    config = "config.json" if name == "old Jib" else "0" * 64 + ".json"
    listed = {**LISTS["old Jib" if name == "old Jib" else "Docker"]}
    listed["config" if name == "old Jib" else "Config"] = config
    files = {"manifest.json": json.dumps([listed]).encode(), config: SAVED.config}
    files |= {"0": PLAIN[0], "1": PLAIN[1]}
    (tmp_path / "tar").write_bytes(make_tar(files))
    source, target = f"docker-archive:{tmp_path}/tar", f"oci:{tmp_path}/layout:v1"
    command = ["skopeo", "copy", "--quiet", "--insecure-policy", source, target]
    subprocess.run(command, check=True)
    layers = read(target, tmp_path)[1]
    assert [gzip.decompress(layer) for layer in layers] == read(source, tmp_path)[1] == PLAIN


def test_one_layer_twice_packed_in_two_ways(tmp_path: Path) -> None:
    twice = make_image([make_tar({"a": b"1"})] * 2)
    files = {
        "manifest.json": b'[{"Config": "c", "Layers": ["0", "1"]}]',
        "c": twice.config,
        "0": twice.layers[0],
        "1": gzip.decompress(twice.layers[0]),
    }
    (tmp_path / "tar").write_bytes(make_tar(files))
    assert read(f"docker-archive:{tmp_path}/tar", tmp_path)[1] == [twice.layers[0]] * 2


def test_a_list_that_only_old_dockers_wrote(tmp_path: Path) -> None:
    (tmp_path / "tar").write_bytes(make_tar({"repositories": b"{}", "id/layer.tar": b""}))
    with pytest.raises(LayoutError, match=r"Docker before 1\.10, which wrote no manifest\.json"):
        read(f"docker-archive:{tmp_path}/tar", tmp_path)


@pytest.mark.parametrize("prefix", ["", "./", "/"])
def test_names_and_links(prefix: str, tmp_path: Path) -> None:
    """Hard links, links to links, a name twice of which the last counts, directories between."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:

        def add(
            name: str, data: bytes = b"", kind: bytes = tarfile.REGTYPE, link: str = ""
        ) -> None:
            member = tarfile.TarInfo(prefix + name)
            member.type, member.linkname, member.size = kind, link, len(data)
            archive.addfile(member, io.BytesIO(data))

        add("d", kind=tarfile.DIRTYPE)
        add("d/layer", PLAIN[0])
        add("hard", kind=tarfile.LNKTYPE, link=prefix + "d/layer")
        add("d/soft", kind=tarfile.SYMTYPE, link="../hard")
        add("again", kind=tarfile.SYMTYPE, link="nowhere")
        add("again", PLAIN[1])
        add("c", b"no config")
        add("c", SAVED.config)
        add("manifest.json", b'[{"Config": "c", "Layers": ["d/soft", "again"]}]')
    (tmp_path / "tar").write_bytes(out.getvalue())
    assert read(f"docker-archive:{tmp_path}/tar", tmp_path)[1] == PLAIN


STREAMS: dict[str, Callable[[bytes], bytes]] = {
    "gzip of several members": lambda data: gzip.compress(data[:9000]) + gzip.compress(data[9000:]),
    "gzip with zeros behind": lambda data: gzip.compress(data) + bytes(512),
    "zstd of several frames": lambda data: zstd.compress(data[:9000]) + zstd.compress(data[9000:]),
    "tar with zeros behind": lambda data: data + bytes(100_000),
    "tar without an end": lambda data: data.rstrip(b"\0") + bytes(-len(data.rstrip(b"\0")) % 512),
}


@pytest.mark.parametrize("name", STREAMS)
def test_streams(name: str, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    archive.write_bytes(STREAMS[name](docker_save({"a:1": SAVED})))
    assert read(f"docker-archive:{archive}", tmp_path)[1] == PLAIN


@pytest.mark.parametrize("size", [5000, 20_000])
def test_a_tar_cut_short(size: int, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    image = make_image([make_tar({"a": b"1" * 50_000})])
    archive.write_bytes(docker_save({"a:1": image})[:size])
    with pytest.raises(LayoutError) as caught:
        read(f"docker-archive:{archive}", tmp_path)
    assert str(caught.value).startswith(f"{archive}: ")


SIZES: dict[str, tuple[object, type[PullError], str]] = {
    "one more": (1, SizeMismatchError, "size does not match: expected"),
    "one less": (-1, SizeMismatchError, "size does not match: expected"),
    "negative": (-10_000, ManifestError, "'size' should be a size in bytes"),
    "text": ("9", ManifestError, "'size' should be a size in bytes"),
    "none": (None, ManifestError, "'size' should be a size in bytes"),
}


@pytest.mark.parametrize("how", ["v1", "", "@0", "digest", "platforms", "archive", "nested"])
@pytest.mark.parametrize("name", SIZES)
def test_the_size_that_an_index_states(name: str, how: str, tmp_path: Path) -> None:
    change, error, says = SIZES[name]
    size = len(SAVED.manifest) + change if isinstance(change, int) else change
    layout = tmp_path / "layout"
    write_layout(layout, {"v1": SAVED})
    index = json.loads((layout / "index.json").read_bytes())
    entry = index["manifests"][0]
    entry["size"] = size
    if how == "platforms":
        entry["platform"] = {"os": "linux", "architecture": "amd64"}
        other = {**entry, "digest": digest_of(b""), "size": 0}
        other["platform"] = {"os": "linux", "architecture": "arm64"}
        index["manifests"].append(other)
    if how == "nested":
        inner = json.dumps(index).encode()
        (layout / "blobs/sha256" / hashlib.sha256(inner).hexdigest()).write_bytes(inner)
        outer = {"mediaType": "application/vnd.oci.image.index.v1+json", "size": len(inner)}
        index["manifests"] = [{**outer, "digest": digest_of(inner)}]
    (layout / "index.json").write_text(json.dumps(index))
    reference = f"oci:{layout}:{how}" if how in ("v1", "@0", "") else f"oci:{layout}"
    if how == "digest":
        reference = f"oci:{layout}@{SAVED.digest}"
    if how == "archive":
        (tmp_path / "archive").write_bytes(tar_of(layout))
        reference = f"oci-archive:{tmp_path}/archive"
    with pytest.raises(error) as caught:
        read(reference, tmp_path)
    assert says in str(caught.value)
    assert str(tmp_path) in str(caught.value)
