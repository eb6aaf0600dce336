"""What is told of a conversion while it runs, and how it is shown to people.

`events` is what programs that call `pull.convert` implement, `choice` what the command uses.
`watch` keeps what was told; `rows`, `pace` and `frame` turn it into lines, and know neither rich
nor clock nor terminal. `terminal`, `region` and `paint` bring the lines to a terminal. What was
done in the end does not belong here.
"""

from pull.command.progress.choice import Shown, make_progress
from pull.command.progress.events import DetailedProgress, Progress, Silence, Stage, detailed

__all__ = [
    "DetailedProgress",
    "Progress",
    "Shown",
    "Silence",
    "Stage",
    "detailed",
    "make_progress",
]
