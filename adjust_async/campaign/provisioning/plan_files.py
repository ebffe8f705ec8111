"""Plans in CSV and JSON Lines files. One error names every wrong line."""

import csv
import json
import re
from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path
from typing import Any

from adjust_async._checks import shown
from adjust_async.campaign.paths import LEVELS, path_of
from adjust_async.campaign.provisioning.plan import Plan, PlanReader, TrackerSpec
from adjust_async.errors import ConfigurationError

__all__ = ["load_plan"]

SETTINGS = ("partner_id", "partner", "cost_data_enabled")
COLUMNS = ("path", *LEVELS, *SETTINGS)


def load_plan(path: str | Path) -> Plan:
    """Return the plan in a CSV or JSON Lines file. It blocks while it reads the file.

    A CSV file has a header with the column `path`, or with `network`, `campaign`, `adgroup` and `creative`. It may also
    have `partner_id`, `partner` and `cost_data_enabled` (`true` or `false`). Each line of a JSON Lines file is an
    object with the same keys, or a path. An empty cell or `null` leaves a setting unchanged.

    Args:
        path: The file. Its name must end in `.csv`, `.jsonl`, `.ndjson` or `.json`.

    Returns:
        The entries, in the order of the file. Blank lines are skipped.

    Raises:
        PlanError: Lines are wrong: unknown columns, more than four levels, empty parts, `::` within a part, or the same
            path twice with different settings. The error lists all of them, with their line numbers.
        ConfigurationError: The name has another suffix, or the file is not encoded in UTF-8.
        OSError: The file can't be read.
    """
    file = Path(path)
    suffix = file.suffix.lower()
    if suffix not in {".csv", ".jsonl", ".ndjson", ".json"}:
        raise ConfigurationError(f"path is {shown(str(path))}: pass a file that ends in .csv, .jsonl, .ndjson or .json")
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        problem = f"{shown(str(path))} is not encoded in UTF-8 ({error.reason}): save it as UTF-8"
        raise ConfigurationError(problem) from None
    reader = PlanReader("line")
    lines = _csv_lines(text, reader) if suffix == ".csv" else _json_lines(text, reader)
    for number, fields in lines:
        try:
            reader.take(number, _spec(fields))
        except ConfigurationError as error:
            reader.refuse(number, error.message)
    return Plan(entry.spec for entry in reader.finish())


def _csv_lines(text: str, reader: PlanReader) -> Iterator[tuple[int, Mapping[str, object]]]:
    records = csv.reader(StringIO(text, newline=""), strict=True)
    header: list[str] = []
    while True:
        number = records.line_num + 1
        try:
            record = next(records, None)
        except csv.Error as error:
            reader.refuse(number, f"it is not CSV: {error}")
            continue
        if record is None:
            return
        if not any(cell.strip() for cell in record):
            continue
        if not header:
            header = [cell.strip() for cell in record]
            if problem := _problem_of_header(header):
                reader.refuse(number, problem)
                return
        elif len(record) > len(header):
            reader.refuse(number, f"it has {len(record)} cells, and the header {len(header)}: quote names with commas")
        else:
            yield number, {name: cell.strip() for name, cell in zip(header, record, strict=False) if cell.strip()}


def _problem_of_header(header: list[str]) -> str | None:
    if unknown := [name for name in header if name not in COLUMNS]:
        hint = ". Are the cells separated by commas?" if len(header) == 1 else ""
        return f"unknown column {shown(unknown[0])}: use {', '.join(COLUMNS)}{hint}"
    if len(set(header)) < len(header):
        return f"a column appears twice: {', '.join(header)}"
    if "path" not in header and "network" not in header:
        return "there is no column path or network, which name what to create"
    return None


def _json_lines(text: str, reader: PlanReader) -> Iterator[tuple[int, Mapping[str, object]]]:
    # Not `splitlines`, which also splits at characters that JSON allows within text.
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            item = json.loads(line, object_pairs_hook=_object)
        except (ValueError, RecursionError) as error:
            reader.refuse(number, f"it is not JSON: {error}")
            continue
        if isinstance(item, str):
            item = {"path": item}
        if not isinstance(item, dict):
            reader.refuse(number, f"{shown(item)} is not an entry: write a path, or an object with the key path")
        elif unknown := [name for name in item if name not in COLUMNS]:
            reader.refuse(number, f"unknown key {shown(unknown[0])}: use {', '.join(COLUMNS)}")
        else:
            yield number, {name: value for name, value in item.items() if value is not None}


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a key appears twice")
    return fields


def _spec(fields: Mapping[str, Any]) -> TrackerSpec:
    levels = {level: fields[level] for level in LEVELS if level in fields}
    path = fields.get("path")
    if path is None:
        path = path_of(levels)
    elif levels:
        raise ConfigurationError("path and levels are both present: use the path, or network, campaign and so on")
    partner = fields.get("partner")
    return TrackerSpec(
        path,
        partner_id=_partner_id(fields.get("partner_id")),
        partner=partner.strip() if isinstance(partner, str) else partner,
        cost_data_enabled=_switch(fields.get("cost_data_enabled")),
    )


def _partner_id(value: object) -> Any:
    if isinstance(value, str) and re.fullmatch("[0-9]{1,18}", value.strip(), re.ASCII):
        return int(value)
    return value


def _switch(value: object) -> Any:
    if isinstance(value, str) and (word := value.strip().lower()) in {"true", "false"}:
        return word == "true"
    return value
