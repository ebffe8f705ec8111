import json
import xml.etree.ElementTree as ET
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

import attrs
import pytest

from adjust_async import Column, Table
from adjust_async.cli.figures import Figures, period_number
from tests.cli.shell import Shell, emulated

pytest.importorskip("matplotlib")

DAYS = ("--start-date", "2026-01-01", "--end-date", "2026-01-14")


def texts_of(chart: bytes) -> list[str]:
    """Return the texts of an SVG."""
    return ["".join(element.itertext()) for element in ET.fromstring(chart).iter("{http://www.w3.org/2000/svg}text")]


def plot(shell: Shell, *command: str) -> list[str]:
    """Draw a chart. Return its texts."""
    chart = shell.home / "chart.svg"
    finished = shell.invoke(*command, "--plot", chart, "--format", "json")
    assert finished.status == 0, finished
    assert json.loads(finished.out)
    return texts_of(chart.read_bytes())


def test_lines_for_days() -> None:
    """Figures by day become lines, with a title, units, days, and a legend that names the apps."""
    with emulated() as shell:
        texts = plot(
            shell, "kpis", "deliverables", *shell.apps, *DAYS, "--kpis", "installs,revenue", "--grouping", "day"
        )
    assert any(text.startswith("installs, revenue by date and app") for text in texts)
    assert {"installs", "revenue (EUR, USD)", "Puzzle Harbor", "Wanderlust Travel"} <= {*texts}
    assert any("2026" in text for text in texts)


def test_bars_for_categories() -> None:
    """Figures by category become named bars, the largest first, with their values."""
    question = ("--dimensions", "network", "--metrics", "installs", "--date-period", "2026-01-01:2026-01-14")
    with emulated() as shell:
        rows = json.loads(shell.invoke("report", *question, "--format", "json").out)
        texts = plot(shell, "report", *question)
    largest = sorted(rows, key=lambda row: -row["installs"])[:3]
    assert [text for text in texts if text in {row["network"] for row in largest}] == [
        row["network"] for row in largest
    ]
    assert all(f"{row['installs']:,}" in texts for row in largest)
    assert any("2026-01-01 – 2026-01-14" in text for text in texts)


def test_heat_map_and_curves_for_cohorts() -> None:
    """Cohorts by day become a heat map; by group they become curves over the days since the install."""
    with emulated() as shell:
        heat = plot(shell, "kpis", "cohorts", shell.apps[0], *DAYS, "--grouping", "day")
        curves = plot(shell, "kpis", "cohorts", shell.apps[0], *DAYS, "--grouping", "networks", "--period", "week")
        metrics = ",".join(f"retention_rate_d{day}" for day in range(8))
        question = ("--dimensions", "app", "--metrics", metrics, "--date-period", "2026-01-01:2026-01-14")
        report = plot(shell, "report", *question)
    assert {"2026-01-01", "2026-01-14", "days after install", "retention rate (%)", "100"} <= {*heat}
    assert "weeks after install" in curves
    assert {"days after install", "Puzzle Harbor", "100%"} <= {*report}


def test_png() -> None:
    """The PNG is valid, and the same figures make the same SVG again."""
    with emulated() as shell:
        command = ("kpis", "deliverables", shell.apps[0], *DAYS, "--grouping", "day")
        assert shell.invoke(*command, "--plot", shell.home / "chart.png").status == 0
        assert (shell.home / "chart.png").read_bytes().startswith(b"\x89PNG")
        for name in ("a.svg", "b.svg"):
            shell.invoke(*command, "--plot", shell.home / name)
        assert (shell.home / "a.svg").read_bytes() == (shell.home / "b.svg").read_bytes()


def test_nothing_to_draw() -> None:
    """Without rows no chart is written, and stderr says so."""
    question = ("report", "--dimensions", "day", "--metrics", "installs", "--date-period", "2026-01-01:2026-01-01")
    with emulated() as shell:
        chart = shell.home / "chart.png"
        finished = shell.invoke(*question, "--filter", "installs__gte=1000000", "--plot", chart)
        assert not chart.exists()
    assert finished.status == 0
    assert "was not written" in finished.err


@attrs.define
class Rows(Table):
    """A table with the rows that it is passed."""

    given: tuple[Column, ...]
    values: list[dict[str, Any]]

    @property
    def schema(self) -> tuple[Column, ...]:
        """The columns."""
        return self.given

    def rows(self) -> Any:
        """The rows."""
        return iter(self.values)


def draw(schema: str, *rows: tuple[Any, ...]) -> list[str]:
    """Draw rows with columns of the form `name:kind`. Return the texts."""
    from adjust_async.cli.charts import draw_chart

    pairs: list[Any] = [item.split(":") for item in schema.split()]
    columns = tuple(Column(*pair) for pair in pairs)
    table = Rows(columns, [dict(zip([column.name for column in columns], row, strict=True)) for row in rows])
    file = BytesIO()
    draw_chart(Figures.of(table), file, "svg")
    return texts_of(file.getvalue())


def test_names_that_are_not_formulas() -> None:
    """Dollar signs, emoji and long names are drawn unchanged, or cut."""
    texts = draw("network:text cost:number", ("$1 or $2 _x_ \\frac", 2.0), ("😀 " + "long " * 20, 1.0), (None, 3.0))
    assert "$1 or $2 _x_ \\frac" in texts
    assert any(text.startswith("😀 long") and text.endswith("…") for text in texts)
    assert "none" in texts


def test_periods_that_are_texts() -> None:
    """Weeks, months and words instead of a day also form an axis, and so does a missing day."""
    assert draw("week:text installs:integer", ("2026-01-04 - 2026-01-10", 1), ("2026-01-11 - 2026-01-17", 2))
    assert draw("month:text installs:integer", ("2026-01", 1), ("unknown", 2))
    assert draw("quarter:text installs:integer", ("Q2 2026", 1), ("Q3 2026", None))
    assert draw("day:date installs:integer", (None, 1))
    assert draw("day:date installs:integer", (date(2026, 1, 1), None))
    assert draw("app:text r_rate_d1:number r_rate_d2:number r_rate_d3:number", ("A", None, None, None), ("B", 1, 1, 1))


def test_many_series_are_cut() -> None:
    """If there are too many series, the largest are drawn, and the legend says so."""
    rows = [(f"2026-01-0{day}", f"network {number}", number) for day in (1, 2) for number in range(20)]
    texts = draw("day:text network:text installs:integer", *rows)
    assert "8 largest of 20" in texts
    assert "network 19" in texts
    assert "network 3" not in texts


def test_apps_with_the_same_name_are_distinguished() -> None:
    """Two apps with the same name are distinguished by their tokens."""
    texts = draw(
        "app_token:text app_name:text currency:text date:date installs:integer",
        ("abc", "App", "EUR", None, 1),
        ("def", "App", "USD", None, 2),
    )
    assert texts
    figures = Figures.of(
        Rows(
            (Column("app_token", "text"), Column("app_name", "text"), Column("installs", "integer")),
            [
                {"app_token": "abc", "app_name": "App", "installs": 1},
                {"app_token": "def", "app_name": "App", "installs": 2},
            ],
        )
    )
    assert [figures.label(row) for row in figures.rows] == ["abc", "def"]


@pytest.mark.parametrize(("value", "number"), [("7", 7), (7, 7), ("d7", 7), ("w12", 12), (None, 0)])
def test_period_number(value: object, number: int) -> None:
    """A period is a number, in whatever form the service sends it."""
    assert period_number(value) == number


def test_files_that_are_refused(tmp_path: Path) -> None:
    """A chart's file is checked before anything is requested."""
    with emulated() as shell:
        for place in (tmp_path / "chart.jpg", tmp_path / "no" / "chart.png", tmp_path):
            finished = shell.invoke("kpis", "deliverables", shell.apps[0], *DAYS, "--plot", place)
            assert finished.status == 2
            assert "--plot" in finished.err
        assert len(shell.emulator.requests) == 0
