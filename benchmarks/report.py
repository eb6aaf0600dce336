"""Write results as JSON, and as the Markdown tables of the README."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from benchmarks.contest import Result, Run
from benchmarks.targets import found

__all__ = ["from_json", "markdown", "to_json"]


def to_json(results: Sequence[Result], machine: Mapping[str, str]) -> dict[str, Any]:
    """Put everything into one JSON object."""
    return {
        "machine": dict(machine),
        "results": [asdict(result) for result in results],
    }


def from_json(
    read: Mapping[str, Any],
) -> tuple[list[Result], dict[str, str]]:
    """Undo `to_json`, to draw or tabulate again."""
    results = [
        Result(**{**entry, "runs": tuple(Run(**run) for run in entry["runs"])})
        for entry in read["results"]
    ]
    return results, dict(read["machine"])


def markdown(results: Sequence[Result], machine: Mapping[str, str], *, judge: bool = True) -> str:
    """Tabulate the aims (if `judge`), each workload, and the machine."""
    parts = []
    targets = found(results) if judge else []
    if targets:
        parts.append("| figure | aim | measured | |\n| --- | ---: | ---: | --- |")
        parts[-1] += "".join(
            f"\n| {target.what} | {target.bound()} | {value:.2f} "
            f"| {'reached' if target.reached(value) else '**missed**'} |"
            for target, value in targets
        )
    for workload in dict.fromkeys(result.workload for result in results):
        mine = [result for result in results if result.workload == workload]
        parts.append(f"**{mine[0].title}**\n\n{_table(mine)}")
    parts.append("\n".join(f"- {name}: {value}" for name, value in machine.items()))
    return "\n\n".join(parts) + "\n"


def _table(results: Sequence[Result]) -> str:
    """Tabulate one workload; the others are compared with the first contestant."""
    base = results[0]
    columns = ["seconds (median)", f"against {base.contestant}", "peak MiB", "written MB"]
    with_disk = any(result.disk_bytes for result in results)
    columns += ["disk MB"] * with_disk + ["runs"]
    lines = [["", *columns], ["---", *["---:"] * len(columns)]]
    for result in results:
        figures = [
            f"{result.seconds:.2f}",
            f"{result.times(base):.2f}",
            f"{result.memory_bytes / 2**20:.0f}",
            f"{result.written_bytes / 1e6:.0f}",
        ]
        if with_disk:
            figures.append(f"{result.disk_bytes / 1e6:.0f}" if result.disk_bytes else "")
        lines.append([result.contestant, *figures, str(len(result.runs))])
    return "\n".join(f"| {' | '.join(line)} |".replace("|  |", "| |") for line in lines)
