"""Writes plans to files that `load_plan` can read."""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path

from adjust_async import TrackerSpec
from adjust_async.cli.errors import UsageError
from adjust_async.cli.whole_file import check_place, whole_file

__all__ = ["check_plan_place", "write_plan"]

_COLUMNS = ("path", "partner_id", "partner", "cost_data_enabled")


def check_plan_place(place: Path, plan: Path) -> None:
    """Check that a plan can be written to a file, before anything is sent.

    Raises:
        UsageError: The file can't be written, has the wrong suffix, or is the plan that is being read.
    """
    check_place(place, "--retry-plan")
    if place.suffix.lower() not in {".csv", ".jsonl", ".ndjson"}:
        raise UsageError(f"--retry-plan {str(place)!r}: pass a file that ends in .csv or .jsonl")
    if place.exists() and plan.exists() and place.samefile(plan):
        raise UsageError("--retry-plan is the plan itself, which would be lost: pass another file")


def write_plan(place: Path, specs: Sequence[TrackerSpec]) -> None:
    """Write a plan atomically. An empty plan is valid."""
    with whole_file(place) as file:
        file.write((_csv(specs) if place.suffix.lower() == ".csv" else _json_lines(specs)).encode())


def _csv(specs: Sequence[TrackerSpec]) -> str:
    text = io.StringIO(newline="")
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(_COLUMNS)
    for spec in specs:
        cost_data = "" if spec.cost_data_enabled is None else str(spec.cost_data_enabled).lower()
        lines.writerow((spec.path, spec.partner_id, spec.partner, cost_data))
    return text.getvalue()


def _json_lines(specs: Sequence[TrackerSpec]) -> str:
    entries = ({name: getattr(spec, name) for name in _COLUMNS} for spec in specs)
    return "".join(
        f"{json.dumps({name: value for name, value in entry.items() if value is not None}, ensure_ascii=False)}\n"
        for entry in entries
    )
