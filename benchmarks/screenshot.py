"""The picture of the program at work: a session in tmux, caught in the middle, by rich as SVG.

    python -m benchmarks.screenshot docs/progress.svg

The program is the real one, and so is what it shows. The registry is one on this machine that sends
slowly; its image has layers of random bytes, the same each time.
"""

from __future__ import annotations

import argparse
import html
import io
import random
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.text import Text

from tests.pull.command.progress.sessions import Tmux
from tests.pull.registry.fake_registry import FakeRegistry, Quirk
from tests.pull.registry.images import Image, make_image, make_tar

__all__ = ["main", "session", "svg_of"]

MIB: Final = 1 << 20
ROOT: Final = Path(__file__).parent.parent
REGISTRY: Final = "registry.example.com"
NAME: Final = "shop/web"
TAG: Final = "2.4"
LAYERS_MIB: Final = (12, 3, 1, 6, 22, 2, 9, 1, 14, 4, 1, 7)
SIZE: Final = (100, 30)
_BLANK: Final = "&#160;"
_TEXT: Final = re.compile(
    r'x="([\d.]+)"([^>]*)textLength="([\d.]+)"([^>]*)>((?:&#160;)+)([^<]*[^<\s][^<]*)<'
)


def main() -> None:
    """Take the picture."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("out", type=Path, metavar="OUT.svg")
    parser.add_argument("--after", type=float, default=2.6, metavar="SECONDS")
    arguments = parser.parse_args()
    sizes = [size * MIB for size in LAYERS_MIB]
    arguments.out.write_text(svg_of(session(sizes, after=arguments.after, pause_seconds=0.008)))


def session(sizes: list[int], *, after: float, pause_seconds: float) -> str:
    """Return what a terminal shows some seconds after the first layer began, codes included."""
    slow = Quirk("GET .*/blobs/", piece_bytes=1 << 16, pause_seconds=pause_seconds)
    with (
        tempfile.TemporaryDirectory() as folder,
        FakeRegistry(slow) as registry,
        Tmux(Path(folder)) as tmux,
    ):
        registry.add(NAME, TAG, _image(sizes))
        reference = f"{REGISTRY}/{NAME}:{TAG}"
        typed = f"$ python -m pull {reference} web.ext4"
        options = ["--mirror", f"{REGISTRY}=http://{registry.address}", "--platform", "linux/amd64"]
        options += ["--cache-dir", f"{folder}/cache"]
        command = [sys.executable, "-m", "pull", reference, f"{folder}/web.ext4", *options]
        shown = tmux.start("web", SIZE, command, first=typed, PYTHONPATH=str(ROOT))
        while "total" not in tmux.look(shown).text:
            time.sleep(0.05)
        time.sleep(after)
        return tmux.styled(shown)


def svg_of(screen: str) -> str:
    """Return a screen with its codes as SVG; the fonts are those of whoever looks at it."""
    columns, rows = SIZE
    console = Console(record=True, width=columns, height=rows, file=io.StringIO())
    console.print(Text.from_ansi(screen.rstrip("\n")))
    svg = console.export_svg(title="pyext4", unique_id="pyext4")
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    svg = _TEXT.sub(_begin_at_the_first_letter, svg)
    return re.sub(r"[ \t]+$", "", svg, flags=re.MULTILINE)


def _begin_at_the_first_letter(text: re.Match[str]) -> str:
    """Return a text element without blanks before it, which librsvg leaves out."""
    place, middle, length, rest, blanks, letters = text.groups()
    count = len(blanks) // len(_BLANK)
    width = float(length) / (count + len(html.unescape(letters)))  # of a column
    x = f"{float(place) + count * width:g}"
    return f'x="{x}"{middle}textLength="{float(length) - count * width:g}"{rest}>{letters}<'


def _image(sizes: list[int]) -> Image:
    chance = random.Random(4)
    return make_image(
        [make_tar({f"file-{number}": chance.randbytes(size)}) for number, size in enumerate(sizes)]
    )


if __name__ == "__main__":
    main()
