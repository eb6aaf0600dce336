"""Make `examples/layout`, a three-layer OCI image with one of everything that copying loses.

    python -m examples.make_layout [DIRECTORY]

The bytes depend only on this file (and on zlib's deflate, which zlib-ng does not reproduce), so
the committed layout can be checked against it. The layers are the tables below: what the first
adds, what the second hides, what the third replaces.
"""

from __future__ import annotations

import hashlib
import io
import json
import struct
import sys
import tarfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path

__all__ = ["main", "make_layout"]

CREATED = "2024-02-29T12:00:00.5Z"
EPOCH = 1_709_208_000  # the same moment, whole seconds

# linux/capability.h: version 2 with the effective flag; permitted cap_net_raw (bit 13)
NET_RAW = struct.pack("<5I", 0x02000001, 1 << 13, 0, 0, 0).decode("ascii")


def entry(
    name: str,
    kind: bytes = tarfile.REGTYPE,
    *,
    mode: int = 0o644,
    owner: tuple[int, int] = (0, 0),
    link: str = "",
    device: tuple[int, int] = (0, 0),
    data: bytes = b"",
    nanoseconds: int = 0,
    pax: Mapping[str, str] | None = None,
) -> tuple[tarfile.TarInfo, bytes]:
    """Make one tar member; its mtime is the layout's with `nanoseconds` on top."""
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.linkname, info.size = kind, mode, link, len(data)
    info.uid, info.gid = owner
    info.devmajor, info.devminor = device
    info.mtime = EPOCH
    info.pax_headers = dict(pax or {})
    if nanoseconds:
        info.pax_headers["mtime"] = f"{EPOCH}.{nanoseconds:09}"
    return info, data


def directory(name: str, mode: int = 0o755) -> tuple[tarfile.TarInfo, bytes]:
    """Make a directory's tar member."""
    return entry(name, tarfile.DIRTYPE, mode=mode)


def base() -> Iterable[tuple[tarfile.TarInfo, bytes]]:
    """Yield a miniature system, and two files that later layers hide."""
    yield directory("./")
    yield from (directory(name) for name in ("dev/", "etc/", "usr/", "usr/bin/", "var/"))
    yield directory("tmp/", 0o1777)
    yield entry("bin", tarfile.SYMTYPE, mode=0o777, link="usr/bin")
    yield entry("dev/null", tarfile.CHRTYPE, mode=0o666, device=(1, 3))
    yield entry("dev/disk", tarfile.BLKTYPE, mode=0o660, owner=(0, 6), device=(259, 300))
    yield entry("etc/motd", data=b"first\n")
    yield entry("etc/old.conf", data=b"deleted by the second layer\n")
    yield entry("usr/bin/hello", mode=0o755, data=b"#!/bin/sh\necho hello\n", nanoseconds=123456789)
    yield entry("usr/bin/su", mode=0o4755, data=b"runs as its owner\n")
    yield entry("usr/bin/wall", mode=0o2755, owner=(0, 5), data=b"runs as its group\n")
    yield directory("var/cache/")
    yield entry("var/cache/stale", data=b"hidden by the second layer's opaque directory\n")


def changes() -> Iterable[tuple[tarfile.TarInfo, bytes]]:
    """Yield a whiteout, an opaque directory and rare attributes."""
    yield entry("etc/.wh.old.conf")
    yield directory("var/cache/", 0o700)
    yield entry("var/cache/.wh..wh..opq")
    yield entry("var/cache/fresh", data=b"fresh\n", nanoseconds=1)
    yield entry(
        "usr/bin/ping",
        mode=0o755,
        data=b"needs cap_net_raw\n",
        pax={"SCHILY.xattr.security.capability": NET_RAW},
    )
    yield directory("srv/")
    yield entry("srv/stranger", owner=(70_000, 3_000_000_000), data=b"foreign owner\n")
    yield entry("srv/queue", tarfile.FIFOTYPE, mode=0o600)
    yield entry("srv/grüße", data=b"a name in UTF-8\n", pax={"SCHILY.xattr.user.lang": "de"})


def replacements() -> Iterable[tuple[tarfile.TarInfo, bytes]]:
    """Yield a replaced file, a link to a lower layer's file and a path through a symlink."""
    yield entry("etc/motd", mode=0o600, data=b"third\n", nanoseconds=999_999_999)
    yield entry("usr/bin/hi", tarfile.LNKTYPE, link="usr/bin/hello")
    yield entry("bin/true", mode=0o755, data=b"#!/bin/sh\n")
    yield entry("etc/link", tarfile.SYMTYPE, mode=0o777, link="/nowhere/at/all")


def make_layout(target: Path) -> None:
    """Write the OCI layout into the directory `target`, overwriting existing files."""
    layers, diff_ids = [], []
    for members in (base(), changes(), replacements()):
        tar = _tar(members)
        diff_ids.append(f"sha256:{hashlib.sha256(tar).hexdigest()}")
        kind = "application/vnd.oci.image.layer.v1.tar+gzip"
        layers.append(_blob(target, kind, _gzip(tar)))
    image = {
        "created": CREATED,
        "architecture": "amd64",
        "os": "linux",
        "config": {"Cmd": ["/bin/hello"]},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    }
    config = _blob(target, "application/vnd.oci.image.config.v1+json", _json(image))
    kind = "application/vnd.oci.image.manifest.v1+json"
    manifest = {"schemaVersion": 2, "mediaType": kind, "config": config, "layers": layers}
    described = _blob(target, kind, _json(manifest))
    described["annotations"] = {"org.opencontainers.image.ref.name": "demo"}
    (target / "oci-layout").write_bytes(_json({"imageLayoutVersion": "1.0.0"}))
    (target / "index.json").write_bytes(_json({"schemaVersion": 2, "manifests": [described]}))


def _tar(members: Iterable[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for info, data in members:
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def _gzip(data: bytes) -> bytes:
    """Compress with a header that names no time or system; zlib writes no header of its own."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


def _json(value: object) -> bytes:
    return json.dumps(value, indent=1).encode() + b"\n"


def _blob(target: Path, media_type: str, data: bytes) -> dict[str, object]:
    """Store a blob and return its descriptor."""
    name = hashlib.sha256(data).hexdigest()
    folder = target / "blobs/sha256"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)
    return {"mediaType": media_type, "digest": f"sha256:{name}", "size": len(data)}


def main() -> int:
    """Write the layout to the directory given on the command line, else beside this file."""
    where = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("layout")
    make_layout(where)
    return 0


if __name__ == "__main__":
    sys.exit(main())
