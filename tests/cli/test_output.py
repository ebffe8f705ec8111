import csv
import json
import math
from datetime import date, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from hypothesis import given, strategies as st

from adjust_async.cli.errors import UsageError
from adjust_async.cli.output import Format, Output, Sheet
from adjust_async.cli.whole_file import whole_file
from tests.cli.shell import emulated

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=12)
CELLS = st.one_of(st.none(), TEXTS, st.integers(), st.booleans(), st.floats(allow_nan=False), st.dates())


@given(rows=st.lists(st.fixed_dictionaries({"a": CELLS, "b": CELLS}), max_size=5))
def test_formats_agree(rows: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> None:
    """JSON, JSON Lines and CSV have the same content for any rows, one for each."""
    folder = tmp_path_factory.mktemp("formats")
    for form in (Format.JSON, Format.JSONL, Format.CSV):
        Output(form, folder / form).write(Sheet(["a", "b"], rows))
    documents = json.loads((folder / "json").read_text())
    lines = [json.loads(line) for line in (folder / "jsonl").read_text().split("\n")[:-1]]
    with (folder / "csv").open(newline="", encoding="utf-8") as file:
        cells = list(csv.DictReader(file))
    assert documents == lines
    assert len(documents) == len(cells) == len(rows)
    for row, document, texts in zip(rows, documents, cells, strict=True):
        for name, value in row.items():
            plain = value.isoformat() if isinstance(value, date) else value
            assert document[name] == (None if isinstance(value, float) and not math.isfinite(value) else plain)
            known = {None: "", True: "true", False: "false"}
            assert texts[name] == (known[value] if value is None or isinstance(value, bool) else str(plain))


def test_values_that_json_lacks(tmp_path: Path) -> None:
    """Values that JSON can't represent become null, text, or a number."""
    row = {"nan": math.nan, "moment": datetime(2026, 1, 2, 3, 4), "money": Decimal("1.50"), "list": [math.inf]}  # noqa: DTZ001
    Output(None, tmp_path / "rows.json").write(Sheet(list(row), [row]))
    assert json.loads((tmp_path / "rows.json").read_text()) == [
        {"nan": None, "moment": "2026-01-02T03:04:00", "money": 1.5, "list": [None]}
    ]


def test_the_name_of_the_file_says_the_format(tmp_path: Path) -> None:
    """Without `--format` the file's suffix decides; `--format` takes precedence."""
    for name, expected in {
        "a.csv": Format.CSV,
        "a.JSON": Format.JSON,
        "a.ndjson": Format.JSONL,
        "a.parquet": Format.PARQUET,
        "a.dat": Format.TABLE,
    }.items():
        assert Output(None, tmp_path / name).format is expected
    assert Output(Format.JSONL, tmp_path / "a.csv").format is Format.JSONL
    assert Output(Format.CSV, Path("-")).path is None


@pytest.mark.slow
@pytest.mark.parametrize("format", ["csv", "json", "jsonl", "parquet", "table"])
def test_files_of_every_reading_command(format: str) -> None:
    """Every reading command writes every format to a file, and then nothing to stdout."""
    days = ("--start-date", "2026-01-01", "--end-date", "2026-01-02")
    with emulated() as shell:
        app = shell.apps[0]
        name = json.loads(shell.invoke("trackers", "list", app, "-f", "json").out)[0]["name"]
        for command in (
            ("apps",),
            ("partners",),
            ("events",),
            ("filters",),
            ("trackers", "list", app),
            ("trackers", "tree", app),
            ("trackers", "find", app, name),
            ("kpis", "deliverables", app, *days),
            ("kpis", "events", app, *days),
            ("kpis", "cohorts", app, *days),
            ("kpis", "skadnetwork", app, *days),
            ("report", "--dimensions", "day", "--metrics", "installs", "--date-period", "2026-01-01:2026-01-02"),
            ("report", "--app-tokens", app, "--dimensions", "day", "--metrics", "cost", "--date-period", "-2d:-1d"),
            ("doctor",),
        ):
            file = shell.home / "rows"
            finished = shell.invoke(*command, "--format", format, "--output", file, "--quiet")
            assert finished == (0, "", ""), command
            assert file.stat().st_size
            if format == "parquet":
                assert pyarrow.parquet.read_table(file).num_rows, command
            if format == "table":
                assert "\x1b" not in file.read_text()
            file.unlink()
        assert [*shell.home.iterdir()] == []


def test_types_in_parquet() -> None:
    """Columns have their types in Parquet, even if there are no rows."""
    with emulated(trackers_per_app=0) as shell:
        app, file = shell.apps[0], shell.home / "rows.parquet"
        shell.invoke("trackers", "list", app, "--output", file)
        trackers = pyarrow.parquet.read_table(file)
        shell.invoke("kpis", "deliverables", app, "--start-date", "2026-01-01", "--end-date", "2026-01-01", "-o", file)
        kpis = pyarrow.parquet.read_table(file)
    types = {field.name: str(field.type) for field in trackers.schema}
    assert {"token": "string", "partner_id": "int64", "archived": "bool", "level": "int64"}.items() <= types.items()
    assert trackers.num_rows == 0
    assert str(kpis.schema.field("installs").type) == "int64"


def test_the_old_file_stays_until_the_new_one_is_complete(tmp_path: Path) -> None:
    """An unfinished file leaves only the old one; a finished one keeps mode and links."""
    place, link = tmp_path / "file", tmp_path / "link"
    place.write_text("old")
    place.chmod(0o640)
    link.symlink_to(place)
    with pytest.raises(RuntimeError), whole_file(link) as file:
        file.write(b"half")
        raise RuntimeError
    assert place.read_text() == "old"
    with whole_file(link) as file:
        file.write(b"new")
    assert (place.read_text(), place.stat().st_mode & 0o777, link.is_symlink()) == ("new", 0o640, True)
    assert {path.name for path in tmp_path.iterdir()} == {"file", "link"}


def test_other_files_are_written_to_directly() -> None:
    """`/dev/null` and `/dev/stdout` are written to, never replaced."""
    question = ("report", "--dimensions", "day", "--metrics", "installs", "--date-period", "-2d:-1d", "--format", "csv")
    with emulated() as shell:
        assert shell.invoke(*question, "--output", "/dev/null") == (0, "", "")
        finished = shell.run(*question, "--output", "/dev/stdout")
    assert finished.status == 0
    assert len(finished.out.splitlines()) == 3
    assert not Path("/dev/null").is_file()


@pytest.mark.parametrize("name", ["", "no/such/file.csv", "x" * 300])
def test_invalid_places(name: str, tmp_path: Path) -> None:
    """A folder, a missing folder, and a name that is too long are refused before anything is requested."""
    with pytest.raises(UsageError, match="--output"):
        Output(Format.CSV, tmp_path / name)


def test_report_with_columns_of_other_names() -> None:
    """A CSV has the columns of the answer, whose names may differ from the requested ones."""
    with emulated() as shell:
        finished = shell.invoke(
            *("report", "--dimensions", "day", "--metrics", "retention_rate_D7"),
            *("--date-period", "2026-01-01:2026-01-02", "--format", "csv"),
        )
    rows = list(csv.DictReader(StringIO(finished.out)))
    assert [*rows[0]] == ["day", "retention_rate_d7"]
    assert all(float(row["retention_rate_d7"]) >= 0 for row in rows)


def test_empty_reports() -> None:
    """A report without rows has its header in CSV, and is an empty list in JSON."""
    question = ("report", "--dimensions", "day", "--metrics", "installs", "--date-period", "2026-01-01:2026-01-01")
    nothing = ("--filter", "installs__gte=1000000")
    with emulated() as shell:
        assert shell.invoke(*question, *nothing, "--format", "csv").out == "day,installs\n"
        assert json.loads(shell.invoke(*question, *nothing, "--format", "json").out) == []
        assert "installs" in shell.invoke(*question, *nothing).out
