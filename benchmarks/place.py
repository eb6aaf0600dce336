"""Where inputs are kept and runs happen, and what is the same for all workloads there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.contest import Result, Workload
from benchmarks.inputs import CHECKOUT
from benchmarks.measure import compete

__all__ = ["Place"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Directories for inputs and runs, on one filesystem."""

    inputs: Path
    run: Path
    rounds: int | None  # instead of each workload's own number
    say: Callable[[str], None]

    def compete(self, workload: Workload, environ: Mapping[str, str]) -> list[Result]:
        """Run a workload here, whose contestants all get `environ` beside their own."""
        given = {"PYTHONPATH": str(CHECKOUT), **environ}
        here = replace(
            workload,
            rounds=self.rounds or workload.rounds,
            warm_up=workload.warm_up and self.rounds != 1,
            contestants=tuple(
                replace(contestant, environ={**given, **contestant.environ})
                for contestant in workload.contestants
            ),
        )
        return compete(here, self.run, self.say)
