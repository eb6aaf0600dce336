"""Compare the plan with the output of `umoci raw runtime-config` for the same image.

umoci resolves users with the library that runc and docker use.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from flatten import flatten
from pull import pull
from pull.guest.init.errors import AccountError
from pull.guest.options import BootOptions
from pull.guest.plan import make_plan
from tests.flatten.tars import file, symlink
from tests.oracle_tools import need, need_root
from tests.pull.guest.guest_images import image_of, layout_of
from tests.pull.guest.trees import GROUP, PASSWD

pytestmark = pytest.mark.oracle

ACCOUNTS = (file(b"etc/passwd", PASSWD), file(b"etc/group", GROUP))
MOVED = (
    symlink(b"etc/passwd", b"../usr/passwd"),
    file(b"usr/passwd", PASSWD),
    file(b"etc/group", GROUP),
)
ODD = (
    file(b"etc/passwd", b"\n#c\na:x:5\nb:x:6:7:::\n a2:x:5:9::/h:\n"),
    file(b"etc/group", b"#g:x:1:b\ng:x:2:a,b\ng:x:3:b\nh:x:4\n"),
)
USERS = [
    *("", "root", "0", "app", "1000", "app:video", "app:7", "1000:video", "1000:1001", "7:8"),
    *("65532", "nobody", "app:staff", "-1", "2147483648", "+7"),
]
CASES: dict[str, tuple[tuple[bytes, ...], dict[str, object]]] = {
    **{f"user{number}": (ACCOUNTS, {"User": user}) for number, user in enumerate(USERS)},
    **{f"moved{number}": (MOVED, {"User": user}) for number, user in enumerate(USERS)},
    **{f"odd{number}": (ODD, {"User": user}) for number, user in enumerate(("a", "b", "5", "b:h"))},
    **{f"none{number}": ((), {"User": user}) for number, user in enumerate(USERS)},
    "args": (ACCOUNTS, {"Entrypoint": ["e", "1"], "Cmd": ["c", ""]}),
    "env": (ACCOUNTS, {"Env": ["PATH=/x", "A=1=2", "B="], "User": "app"}),
    "home": (ACCOUNTS, {"Env": ["HOME=/elsewhere"], "User": "app"}),
    "workdir": (ACCOUNTS, {"WorkingDir": "/srv/app"}),
}


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("plans") / "layout"
    images = {
        tag: image_of({"Cmd": ["sh"], **process}, *members)
        for tag, (members, process) in CASES.items()
    }
    layout_of(directory, images)
    return directory


def runtime_config(layout: Path, tag: str, work: Path) -> dict[str, object] | None:
    """What a runtime is told; None where umoci refuses the image."""
    bundle, config = work / "bundle", work / "config.json"
    subprocess.run(
        ["umoci", "raw", "unpack", "--image", f"{layout}:{tag}", str(bundle)],
        check=True,
        capture_output=True,
    )
    made = subprocess.run(
        [
            *("umoci", "raw", "runtime-config", "--image", f"{layout}:{tag}"),
            *("--rootfs", str(bundle), str(config)),
        ],
        check=False,
        capture_output=True,
    )
    if made.returncode:
        return None
    process: dict[str, object] = json.loads(config.read_text())["process"]
    return process


@pytest.mark.parametrize("tag", CASES)
def test_umoci_agrees(layout: Path, tmp_path: Path, tag: str) -> None:
    need("umoci")
    need_root()
    told = runtime_config(layout, tag, tmp_path)
    with pull(f"oci:{layout}:{tag}", platform="linux/amd64") as image:
        tree = flatten(image.layers)
        options = BootOptions(mode="auto")
        if told is None:
            with pytest.raises(AccountError):
                make_plan(tree, image.config.raw, options, where=tag)
            return
        boot = make_plan(tree, image.config.raw, options, where=tag)
    assert [*boot.entry, *boot.cmd] == [word.encode() for word in told["args"]]  # type: ignore[attr-defined]
    assert boot.cwd == told["cwd"].encode()  # type: ignore[attr-defined]
    user = told["user"]
    assert isinstance(user, dict)
    assert (boot.uid, boot.gid) == (user["uid"], user["gid"])
    # docker and containerd put the primary group first; umoci leaves it to the runtime
    assert boot.groups[0] == user["gid"]
    assert set(boot.groups) == {user["gid"], *user.get("additionalGids", [])}
    environment = dict(variable.split(b"=", 1) for variable in boot.env)
    for variable in told["env"]:  # type: ignore[attr-defined]
        name, value = variable.encode().split(b"=", 1)
        # conversion.md of the image-spec: HOME "MAY" be set; runc sets it only where the image
        # does not, which is what a container sees in the end
        if (tag, name) != ("home", b"HOME"):
            assert environment[name] == value
