"""docs/json.md against what the programs print."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import flatten.errors
import pull.errors
import pull.guest.init.errors
import pyext4.errors
from pull.command.main import main
from pyext4.failure import PackageError
from pyext4.programs.failures import kind_of
from tests.pull.registry.fake_registry import FakeRegistry, Quirk
from tests.pull.registry.images import make_image, make_tar

ROOT = Path(__file__).parents[3]
DOCUMENT = (ROOT / "docs" / "json.md").read_text()
LAYOUT = "oci:examples/layout:demo"
FIXED = ["--json", "--free", "1M", "--platform", "linux/amd64"]
IMAGE = make_image([make_tar({"a": b"1" * 5000})])


def table(heading: str, number: int = 0) -> dict[str, str]:
    """Return a table's first column, name by name, with the second one."""
    section = DOCUMENT.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"((?:^\|.*\n)+)", section, re.MULTILINE)[number].splitlines()[2:]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    return {name: row[1] for row in cells for name in re.findall(r"`([^`]+)`", row[0])}


def of_type(value: object, named: str) -> bool:
    types = {"string": str, "integer": int, "object": dict, "array": list, "null": type(None)}
    types["boolean"] = bool
    named = named.partition(",")[0]
    return any(isinstance(value, types[name]) for name in named.split(" or "))


def test_the_summary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    assert main([LAYOUT, str(tmp_path / "demo.ext4"), "-q", *FIXED]) == 0
    facts = json.loads(capsys.readouterr().out)
    fields = table("The summary")
    assert list(facts) == [name for name in fields if name not in ("verity", "onto")]
    for name, value in facts.items():
        assert of_type(value, fields[name]), name
    facts["output"] = Path(facts["output"]).name
    (example,) = re.findall(r"```json\n(.*?)```", DOCUMENT, re.DOTALL)
    shown = json.loads(example)
    assert shown["seconds"].keys() == facts["seconds"].keys()
    facts["backend"] = shown["backend"] = "native"
    facts["seconds"] = shown["seconds"]
    assert shown == facts
    config = json.loads((ROOT / "examples/layout/blobs/sha256" / of_config()).read_bytes())
    assert facts["image_config"] == config
    assert [layer["diff_id"] for layer in facts["image_layers"]] == config["rootfs"]["diff_ids"]


def of_config() -> str:
    """Return the file of the example's config, by way of its index and manifest."""
    layout = ROOT / "examples/layout"
    document = json.loads((layout / "index.json").read_bytes())
    while "config" not in document:
        chosen = document["manifests"][0]
        for each in document["manifests"]:
            if each.get("platform", {}).get("architecture") == "amd64":
                chosen = each
        file = layout / "blobs/sha256" / chosen["digest"].partition(":")[2]
        document = json.loads(file.read_bytes())
    return str(document["config"]["digest"].partition(":")[2])


def test_verity_and_exports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    options = ["--json", "--platform", "linux/amd64", "-q", "--profile", "readonly", "--verity"]
    assert main([LAYOUT, str(tmp_path / "o"), *options]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert list(facts["verity"]) == ["root_hash", "hash_offset", "kernel_arguments"]
    tar = str(tmp_path / "t.tar")
    assert main([LAYOUT, "--tar", tar, "--json", "--platform", "linux/amd64", "-q"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["exports"] == {"tar": tar}
    fields = list(table("The summary"))
    missing = fields[fields.index("files") : fields.index("onto") + 1]
    assert list(facts) == [name for name in fields if name not in missing]


def test_each_kind_of_error_is_in_the_table() -> None:
    modules = (pull.errors, flatten.errors, pyext4.errors, pull.guest.init.errors)
    internal = {"import", "pull", "flatten", "ext4", "guest", "restarted", "cancelled"}
    kinds = set()
    for module in modules:
        for each in vars(module).values():
            if isinstance(each, type) and issubclass(each, PackageError):
                kinds.add(kind_of(each.__new__(each)))
    kinds -= internal
    section = DOCUMENT.partition("\n## Errors\n")[2].partition("\n## ")[0]
    documented = set(table("Errors", 1)) | set(
        re.findall(r"`(\w+)`", section.partition("Kinds for `--boot` are")[2].partition(". No")[0])
    )
    assert documented - {"usage", "signal", "os", "import"} == kinds


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("times", [1, 2])
def test_signals(number: signal.Signals, times: int, tmp_path: Path) -> None:
    """Once, which unwinds the program; and again, which ends it at once."""
    with FakeRegistry(Quirk("GET .*/blobs/", stall_seconds=30)) as registry:
        reference = registry.add("app", "v1", IMAGE)
        words = [reference, str(tmp_path / "out.ext4"), "--cache-dir", str(tmp_path / "cache")]
        program = subprocess.Popen(
            [sys.executable, "-m", "pull", *words, "-q", *FIXED],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        deadline = time.monotonic() + 30
        while not registry.count("GET .*/blobs/"):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        for _ in range(times):
            program.send_signal(number)
        said, line = program.communicate(timeout=10)
    error = json.loads(said)["error"]
    assert error == {
        "kind": "signal",
        "message": line.strip(),
        "reference": reference,
        "status": 128 + number,
        "temporary": False,
        "signal": number.name,
    }
    assert program.returncode == 128 + number
