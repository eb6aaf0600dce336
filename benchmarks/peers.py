"""The contestants: ours, and the tools that people use instead, each as a shell script.

The scripts find their inputs in the environment: LAYOUT and TAG (an OCI layout), REF (the same
image at a registry), CACHE (a blob cache that has it), TREE (it unpacked), SIZE (of our image, in
KiB: mke2fs can't choose one itself).
"""

from __future__ import annotations

from benchmarks.contest import Contestant

__all__ = [
    "COLD_PEERS",
    "FLOOR",
    "MKE2FS",
    "OURS",
    "OURS_COLD",
    "OURS_PULL",
    "OURS_PURE",
    "SKOPEO",
    "UMOCI",
    "library",
    "mke2fs",
]

_PULL = '"$PYTHON" -m pull "$REF" out.ext4 --quiet --reuse never --cache-dir'

OURS = Contestant(name="ours", script=f'{_PULL} "$CACHE"', image="out.ext4", inputs=("CACHE",))

OURS_PURE = Contestant(
    name="ours, pure",
    script=f'{_PULL} "$CACHE"',
    image="out.ext4",
    inputs=("CACHE",),
    environ={"PYEXT4_BACKEND": "pure"},
)

OURS_COLD = Contestant(
    name="ours, cold cache", script=f"{_PULL} cache", image="out.ext4", inputs=("REGISTRY",)
)

FLOOR = Contestant(
    name="floor",
    script='"$PYTHON" -m benchmarks.floor "$LAYOUT" "$TAG" out',
    inputs=("LAYOUT",),
)

_UNPACK_AND_MAKE = """
umoci unpack --image {layout} bundle
mke2fs -q -t ext4 -d bundle/rootfs out.ext4 "$SIZE"k
"""

UMOCI = Contestant(
    name="umoci unpack + mke2fs -d",
    script=_UNPACK_AND_MAKE.format(layout='"$LAYOUT:$TAG"'),
    image="out.ext4",
    inputs=("LAYOUT",),
    programs=("umoci", "mke2fs"),
)

MKE2FS = Contestant(
    name="mke2fs -d, tree unpacked before",
    script='mke2fs -q -t ext4 -d "$TREE" out.ext4 "$SIZE"k',
    image="out.ext4",
    inputs=("TREE",),
    programs=("mke2fs",),
)

COLD_PEERS = (
    Contestant(
        name="skopeo + umoci + mke2fs -d",
        script='skopeo copy --quiet --src-tls-verify=false "docker://$REF" oci:layout:image'
        + _UNPACK_AND_MAKE.format(layout="layout:image"),
        image="out.ext4",
        inputs=("REGISTRY",),
        programs=("skopeo", "umoci", "mke2fs"),
    ),
    Contestant(
        name="microsandbox",
        script='HOME="$PWD/home"; export HOME; mkdir home; '
        'msb pull --quiet --insecure --materialize flat "$REF"',
        image="home/.microsandbox/cache/flat/blobs/*.raw",
        inputs=("REGISTRY",),
        programs=("msb",),
    ),
    Contestant(
        name="crane + tar2ext4",
        script='crane export --insecure "$REF" image.tar; tar2ext4 -i image.tar -o out.ext4',
        image="out.ext4",
        inputs=("REGISTRY",),
        programs=("crane", "tar2ext4"),
    ),
)

_FETCH = """
"$PYTHON" -c '
import pathlib, sys, pull
with pull.pull(sys.argv[1], cache_dir=pathlib.Path("cache")) as image:
    image.fetch()
' "$REF"
"""

OURS_PULL = Contestant(name="ours, blobs only", script=_FETCH, inputs=("REGISTRY",))

SKOPEO = Contestant(
    name="skopeo copy",
    script='skopeo copy --quiet --src-tls-verify=false "docker://$REF" oci:layout:image',
    inputs=("REGISTRY",),
    programs=("skopeo",),
)


def library(name: str, workload: str, argument: object, rounds: int | None = None) -> Contestant:
    """Run one of `benchmarks.library`'s workloads; it times the call alone."""
    return Contestant(
        name=name,
        script=f'"$PYTHON" -m benchmarks.library {workload} "{argument}" out.ext4',
        image="out.ext4",
        self_timed=True,
        rounds=rounds,
    )


def mke2fs(tree: object, size_bytes: int, inodes: int, rounds: int | None = None) -> Contestant:
    """Run mke2fs -d on a directory."""
    return Contestant(
        name="mke2fs -d",
        script=f'mke2fs -q -t ext4 -N {inodes} -d "{tree}" out.ext4 {size_bytes >> 10}k',
        image="out.ext4",
        programs=("mke2fs",),
        rounds=rounds,
    )
