"""A block that is wrong is noticed: the judges of the documentation are judged."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.blocks import blocks_of
from tests.docs.checking import check
from tests.docs.sandbox import Sandbox
from tests.docs.test_blocks import follow

WRONG_CHECKED = {
    "option": "<!-- run: needs kvm -->\n```bash\npyext4-pull --boott debian:12 a.ext4\n```\n",
    "value": "<!-- run: needs kvm -->\n```bash\npyext4-pull --size huge debian:12 a.ext4\n```\n",
    "argument": "<!-- run: needs kvm -->\n```bash\npyext4-pull debian:12\n```\n",
    "command": "<!-- run: needs kvm -->\n```bash\npyext4 lst debian.ext4\n```\n",
    "second": "<!-- run: needs kvm -->\n```bash\npyext4 info a &&\n    pyext4-cache lost\n```\n",
    "module": "<!-- run: needs kvm -->\n```bash\npython -m pull --boott debian:12 a.ext4\n```\n",
    "other module": "<!-- run: needs hours -->\n```bash\npython -m benchmark --all\n```\n",
    "program": "<!-- run: needs kvm -->\n```bash\nqemu-system-x86_65 -m 512\n```\n",
    "quote": "<!-- run: needs kvm -->\n```bash\nfirecracker 'vm.json\n```\n",
    "need": "<!-- run: needs luck -->\n```bash\nfirecracker\n```\n",
    "in a container": "<!-- run: needs docker -->\n```bash\ndocker run pyext4 --sise 1G a b\n```\n",
    "json": '```json\n{"a": 1,}\n```\n',
    "toml": "```toml\nimage = disk.img\n```\n",
    "yaml": "```yaml\nrootfs:\n  script:\n    - pyext4-pull --sise 1G debian:12 a.ext4\n```\n",
    "github": "```yaml\nsteps:\n  - run: pyext4-cache purge\n```\n",
    "dockerfile": "```dockerfile\nFROM python\nRUN pip install a && pyext4-pul --version\n```\n",
    "entry point": '```dockerfile\nENTRYPOINT ["pyext4pull"]\n```\n',
}
WRONG_RUN = {
    "option": "```bash\npyext4-pull --boott debian:12 a.ext4\n```\n",
    "file": "```bash\npyext4 info missing.ext4\n```\n",
    "first of two": "```bash\npyext4 info missing.ext4\ntrue\n```\n",
    "pipe": "```bash\npyext4 info missing.ext4 | cat\n```\n",
    "image": "```bash\npyext4-pull localhost:1/nothing a.ext4\n```\n",
    "output": "```console\n$ echo one\ntwo\n```\n",
    "more output": "```console\n$ printf 'one\\ntwo\\n'\none\n```\n",
    "status": "<!-- run: fails 1 -->\n```console\n$ true\n```\n",
    "other status": "<!-- run: fails 1 -->\n```bash\npyext4-pull --sise 1G\n```\n",
    "python": '```python\nimport pull\npull.convert("debian:12", "a.ext4", size=1)\n```\n',
    "warning": "```python\nimport warnings\n\nwarnings.warn('old')\n```\n",
    "machine": '```json\n{"kernel_image_path": "missing"}\n```\n',
}


def page_of(text: str, place: Path) -> Path:
    page = place / "page.md"
    page.write_text(text)
    return page


@pytest.mark.parametrize("text", WRONG_CHECKED.values(), ids=WRONG_CHECKED)
def test_wrong_block_does_not_pass_the_check(text: str, tmp_path: Path) -> None:
    (block,) = blocks_of(page_of(text, tmp_path))
    with pytest.raises(AssertionError):
        check(block)


@pytest.mark.slow
@pytest.mark.oracle
@pytest.mark.parametrize("text", WRONG_RUN.values(), ids=WRONG_RUN)
def test_wrong_block_does_not_run(text: str, sandbox: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        follow(page_of(text, tmp_path), sandbox)


@pytest.mark.parametrize("text", ["<!-- run: need kvm -->\n", "<!-- run: needs kvm -->\ntext\n"])
def test_mark_that_is_none_or_stands_alone_is_an_error(text: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="mark"):
        blocks_of(page_of(text, tmp_path))
