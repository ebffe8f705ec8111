import json
import re
from typing import Any

import pytest
from hypothesis import given, strategies as st
from rich.cells import cell_len

from adjust_async.cli.terminal import draw, format_cell, table
from tests.cli.shell import emulated

DAYS = ("--start-date", "2026-01-01", "--end-date", "2026-01-08")
WIDTHS = pytest.mark.parametrize("columns", [40, 80, 160])

COLUMNS = ("token", "a_very_long_name_of_some_figure", "x", "名前", "installs", "app_name", "number_of_paying_users")
CELLS = st.one_of(st.none(), st.text(max_size=30), st.integers(-(10**9), 10**9), st.floats(-1e6, 1e6))


@given(
    columns=st.permutations(COLUMNS),
    width=st.integers(20, 120),
    rows=st.lists(
        st.tuples(*[CELLS] * len(COLUMNS)).map(lambda cells: dict(zip(COLUMNS, cells, strict=True))), max_size=3
    ),
)
def test_tables_fit(columns: list[str], width: int, rows: list[dict[str, Any]]) -> None:
    """No line of a table is wider than the terminal, whatever its content; numbers are never cut."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", str(width))
        drawn = draw(*table(rows, columns)).decode().splitlines()
    # One column is always shown, with its numbers complete.
    first = max([cell_len(format_cell(columns[0], row[columns[0]])) for row in rows], default=0)
    for line in drawn:
        assert cell_len(line) <= max(width, cell_len(columns[0]), first), line
    whole = " ".join(drawn)
    numbers = [name for name in columns if all(type(row[name]) is int for row in rows)]
    if "No room for " not in whole:
        assert all(format_cell(name, row[name]) in whole for row in rows for name in numbers)


@pytest.mark.slow
@WIDTHS
def test_screens_of_real_terminals(columns: int) -> None:
    """Nothing that is drawn in a terminal is wider than the terminal."""
    with emulated() as shell:
        app, other = shell.apps
        for command in (
            ("apps",),
            ("trackers", "list", app),
            ("kpis", "deliverables", app, other, *DAYS, "--grouping", "day"),
            ("kpis", "cohorts", app, *DAYS, "--grouping", "day"),
            ("trackers", "tree", app),
        ):
            with shell.terminal(*command, "--quiet", columns=columns) as terminal:
                assert terminal.finish() == 0
            assert max(map(cell_len, terminal.text.splitlines())) <= columns, command


def test_colours() -> None:
    """A terminal gets colours, unless `NO_COLOR` is set; a pipe gets none."""
    with emulated() as shell:
        command = ("kpis", "cohorts", shell.apps[0], *DAYS, "--grouping", "day")
        with shell.terminal(*command) as coloured:
            coloured.finish()
        with shell.terminal(*command, NO_COLOR="1") as plain:
            plain.finish()
        piped = shell.run(*command)
    assert "48;5;" in coloured.raw
    assert "48;5;" not in plain.raw
    assert "█" in plain.text  # instead of the colours
    assert "\x1b" not in piped.out
    assert piped.err == ""


def test_pipes_get_everything() -> None:
    """If stdout is not a terminal, no text is cut, and no column is left out."""
    with emulated() as shell:
        name = "A name that is longer than the widest column of a narrow terminal " * 3
        shell.invoke("trackers", "create", shell.apps[0], name.strip())
        out = shell.invoke("trackers", "list", shell.apps[0]).out
    assert name.strip() in out
    assert "archived" in out


def test_tree_of_trackers() -> None:
    """The tree has every tracker once, below its parent, with its token."""
    with emulated() as shell:
        out = shell.invoke("trackers", "tree", ",".join(shell.apps)).out
        trackers = json.loads(shell.invoke("trackers", "tree", *shell.apps, "--format", "json").out)
        level = json.loads(shell.invoke("trackers", "tree", *shell.apps, "--max-level", "1", "--format", "json").out)
    lines = out.splitlines()
    assert len(lines) == len(trackers) + len(shell.apps)
    found = [re.fullmatch(r"((?:│   |    )*)[├└]── .*?  ([a-z0-9]{6}).*", line) for line in lines]
    depths = {match[2]: len(match[1]) // 4 + 1 for match in found if match}
    assert depths == {tracker["token"]: tracker["level"] for tracker in trackers}
    assert level == [tracker for tracker in trackers if tracker["level"] == 1]


def test_find() -> None:
    """A tracker is found by its path; a missing one is status 1."""
    with emulated(trackers_per_app=0) as shell:
        app = shell.apps[0]
        parent = json.loads(shell.invoke("trackers", "create", app, "Net", "--format", "json").out)
        child = json.loads(
            shell.invoke("trackers", "create", app, "DE", "--parent", parent["token"], "--format", "json").out
        )
        found = json.loads(shell.invoke("trackers", "find", app, "Net::DE", "--format", "json").out)
        missing = shell.invoke("trackers", "find", app, "Net::FR")
        below = json.loads(shell.invoke("trackers", "list", app, "--parent", parent["token"], "-f", "json").out)
        changed = shell.invoke("trackers", "update", app, child["token"], "--cost-data-enabled", "--partner-id", "174")
    assert found["token"] == child["token"] == below[0]["token"]
    assert (missing.status, missing.out) == (1, "")
    assert "Net::FR" in missing.err
    assert [line.split() for line in changed.out.splitlines() if line.startswith(("partner_id", "cost"))] == [
        ["partner_id", "174"],
        ["cost_data_enabled", "yes"],
    ]


def test_heat_map() -> None:
    """The heat map has a line for each cohort, with the service's figures in percent."""
    with emulated(facts_per_day=60) as shell:
        command = ("kpis", "cohorts", shell.apps[0], *DAYS, "--grouping", "day", "--kpis", "retention_rate")
        rows = json.loads(shell.invoke(*command, "--format", "json").out)
        lines = shell.invoke(*command).out.splitlines()
    assert "retention_rate, % by day after install" in lines[0]
    assert len(lines) == 2 + 8
    first = next(line for line in lines if line.startswith("2026-01-01"))
    figures = [float(text.rstrip("░▒▓█")) for text in first.split()[1:]]
    expected = [row["retention_rate"] * 100 for row in rows if row["date"] == "2026-01-01"]
    assert figures == pytest.approx(expected, abs=0.51)
