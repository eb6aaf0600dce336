"""The command with --boot, --inspect and --kernel-out: what it writes, says and leaves behind."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pull.command.main import main
from pull.guest.init.binary import init_binary
from pull.guest.init.boot_file import encode
from pull.guest.init.errors import NoInitError
from pull.guest.options import BootOptions
from pull.guest.plan import make_plan
from pyext4 import open_ext4
from tests.flatten.tars import directory, file, symlink
from tests.oracle_tools import refuse
from tests.pull.guest.guest_images import image_of, layout_of
from tests.pull.guest.trees import GROUP, PASSWD, tree_of

ROOT = Path(__file__).parents[3]
PROCESS = {"Entrypoint": ["/app"], "Cmd": ["serve"], "User": "app", "WorkingDir": "/srv"}
ACCOUNTS = (file(b"etc/passwd", PASSWD), file(b"etc/group", GROUP))
APP = file(b"app", b"\x7fELF" + b"a" * 5000, mode=0o755)
IMAGES = {
    "app": image_of(PROCESS, APP, *ACCOUNTS),
    "script": image_of(
        PROCESS,
        *(APP, *ACCOUNTS),
        *(file(b"bin/sh", b"#!", mode=0o755), file(b"bin/mount", b"#!", mode=0o755)),
        architecture="riscv64",
    ),
    "bare": image_of(PROCESS, APP, *ACCOUNTS, architecture="riscv64"),
    "systemd": image_of(
        {"Cmd": ["sh"]},
        file(b"lib/systemd/systemd", b"\x7fELF", mode=0o755),
        symlink(b"sbin/init", b"../lib/systemd/systemd"),
    ),
    "nothing": image_of({}, APP),
    "ghost": image_of({"Cmd": ["x"], "User": "ghost"}, APP),
    "kernel": image_of(
        {"Cmd": ["sh"]},
        directory(b"boot"),
        file(b"boot/vmlinuz-6.1.0-9", b"old"),
        file(b"boot/vmlinuz-6.1.0-10", b"\x7fELF new"),
        file(b"boot/initrd.img-6.1.0-10", b"initrd"),
    ),
}


@pytest.fixture(scope="module")
def layouts(tmp_path_factory: pytest.TempPathFactory) -> str:
    return layout_of(tmp_path_factory.mktemp("command") / "layout", IMAGES)


def need_init() -> None:
    try:
        init_binary("amd64")
    except NoInitError as error:
        refuse(str(error))


def run(reference: str, *arguments: str, platform: str = "linux/amd64") -> int:
    return main([reference, "--platform", platform, *arguments])


def held(image: Path, path: str) -> bytes:
    with open_ext4(image) as reader:
        return reader.read(path)


def test_boot(tmp_path: Path, layouts: str, capsys: pytest.CaptureFixture[str]) -> None:
    need_init()
    out = tmp_path / "out.ext4"
    assert run(f"{layouts}:app", "--boot", str(out), "--free=1M", "--env", "A=1") == 0
    assert "boots:    /app serve as 1000:1001 in /srv\n" in capsys.readouterr().err
    assert held(out, "/sbin/init") == init_binary("amd64")
    options = BootOptions(mode="auto", env=(b"A=1",))
    merged = tree_of({"etc/passwd": PASSWD, "etc/group": GROUP})
    plan = make_plan(merged, IMAGES["app"].config, options, where="x")
    assert held(out, "/.pyext4/boot") == encode(plan)
    again = tmp_path / "again.ext4"
    assert run(f"{layouts}:app", "--boot", str(again), "--free=1M", "--env", "A=1", "-q") == 0
    assert again.read_bytes() == out.read_bytes()


def test_images_of_other_options_have_other_uuids(tmp_path: Path, layouts: str) -> None:
    need_init()
    plain, boot, other = (tmp_path / name for name in ("plain", "boot", "other"))
    assert run(f"{layouts}:app", str(plain), "--free=1M", "-q") == 0
    assert run(f"{layouts}:app", str(boot), "--free=1M", "-q", "--boot") == 0
    assert run(f"{layouts}:app", str(other), "--free=1M", "-q", "--boot", "--hostname=a") == 0
    uuids = {path.read_bytes()[1024 + 0x68 : 1024 + 0x78] for path in (plain, boot, other)}
    assert len(uuids) == 3


def test_boot_as_other_outputs(
    tmp_path: Path, layouts: str, capfd: pytest.CaptureFixture[str]
) -> None:
    need_init()
    assert run(f"{layouts}:app", "--boot", "--list", "-q") == 0
    assert "/.pyext4/boot" in capfd.readouterr().out
    tar = tmp_path / "out.tar"
    assert run(f"{layouts}:app", "--boot", "--tar", str(tar), "-q") == 0
    listed = subprocess.run(
        ["tar", "-tf", tar], check=True, capture_output=True, text=True
    ).stdout.split()
    assert "./sbin/init" in listed
    assert run(f"{layouts}:app", "--boot", str(tmp_path / "c"), "--canonical", "-q") == 0
    assert held(tmp_path / "c", "/sbin/init") == init_binary("amd64")


def test_the_script_for_another_processor(tmp_path: Path, layouts: str) -> None:
    out = tmp_path / "out.ext4"
    assert run(f"{layouts}:script", "--boot", str(out), "-q", platform="linux/riscv64") == 0
    assert held(out, "/sbin/init").startswith(b"#!/bin/sh")


def test_an_init_that_is_kept(
    tmp_path: Path, layouts: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(f"{layouts}:systemd", "--boot", str(tmp_path / "o")) == 0
    assert "boots:    /sbin/init, the image's own init\n" in capsys.readouterr().err
    assert run(f"{layouts}:systemd", str(tmp_path / "p")) == 0
    assert "boots:    /sbin/init, the image's own init\n" in capsys.readouterr().err


def test_without_boot_one_line_says_so(
    tmp_path: Path, layouts: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(f"{layouts}:app", str(tmp_path / "o"), "--json") == 0
    said = capsys.readouterr()
    line = (
        "this image will not boot by itself, it has no init: --boot makes it start its entry point"
    )
    assert f"boots:    {line}\n" in said.err
    assert json.loads(said.out)["boots"] == line


@pytest.mark.parametrize(
    ("tag", "arguments", "message"),
    [
        ("nothing", ["--boot"], "image has neither an entry point nor a command"),
        ("ghost", ["--boot"], "config.User: user ghost: is not in the image's /etc/passwd"),
        ("app", ["--boot", "--user=ghost"], "user ghost: is not in the image's /etc/passwd"),
        ("systemd", ["--boot", "--cmd=x"], "--cmd: image keeps its own init, /sbin/init"),
        ("app", ["--kernel-out=k"], "/boot/vmlinuz-* in the image: there is no kernel"),
        ("kernel", ["--kernel-out=none/k"], "no such file or directory"),
        ("app", ["--ssh-key=none"], "none: no such file or directory"),
    ],
)
def test_errors_are_one_line_and_leave_nothing(  # noqa: PLR0917  # pytest passes them by name
    tmp_path: Path,
    layouts: str,
    tag: str,
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(f"{layouts}:{tag}", "out.ext4", "-q", *arguments) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert list(tmp_path.iterdir()) == []


def test_no_init_for_a_processor(
    tmp_path: Path, layouts: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--boot", str(tmp_path / "o"), "-q")
    assert run(f"{layouts}:bare", *arguments, platform="linux/riscv64") == 1
    assert "no init was built for riscv64" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_kernel_alone_and_with_everything(tmp_path: Path, layouts: str) -> None:
    kernel, initrd, out = (tmp_path / name for name in ("k", "i", "out"))
    copies = (f"--kernel-out={kernel}", f"--initrd-out={initrd}", "-q")
    assert run(f"{layouts}:kernel", *copies, "--vmlinux") == 0
    assert (kernel.read_bytes(), initrd.read_bytes()) == (b"\x7fELF new", b"initrd")
    kernel.unlink()
    assert run(f"{layouts}:kernel", *copies, str(out)) == 0
    assert kernel.read_bytes() == b"\x7fELF new"
    assert held(out, "/boot/vmlinuz-6.1.0-9") == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["i", "k", "out"]


def test_inspect(layouts: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(f"{layouts}:app", "--inspect") == 0
    assert "entrypoint: /app\ncommand:    serve\nuser:       app\n" in capsys.readouterr().out
    assert run(f"{layouts}:app", "--inspect", "--json") == 0
    assert json.loads(capsys.readouterr().out)["config"] == PROCESS


@pytest.mark.parametrize(
    "arguments",
    [
        ["--inspect", "out"],
        ["--inspect", "--list"],
        ["--inspect", "--boot"],
        ["--inspect", "--kernel-out=k"],
        ["--boot"],
    ],
)
def test_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["ref", *arguments])
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert "--inspect converts nothing" in error or "arguments are required" in error


def test_the_bare_option_before_the_reference(tmp_path: Path, layouts: str) -> None:
    need_init()
    command = [sys.executable, "-m", "pull", "--boot", f"{layouts}:app", str(tmp_path / "o")]
    subprocess.run([*command, "--platform=linux/amd64", "-q"], check=True, cwd=ROOT)
