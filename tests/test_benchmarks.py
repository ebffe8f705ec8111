"""The benchmarks run for a moment each, and the figures in their README are those of a run."""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from benchmarks import document, drawing, measuring, results
from benchmarks.__main__ import main
from benchmarks.measuring import QUICK, Contender, Listing, Measurement, Run
from benchmarks.processes import beside

RUNS = {
    "adjust_async": (1, [Run(3.3, 1.5, 9_000_000, 0.3), Run(3.0, 1.2, 8_000_000, 0.3), Run(3.6, 1.8, 9_500_000, 0.3)]),
    "a | loop": (50, [Run(3.0, 0.06, 1_000_000, 0.01)]),
}
RACE = Measurement("pages", "3,000 pages", "page", 3000, 0.05, 3.0, RUNS)
LISTING = Listing("small", "Imports", ["", "ms"], [["adjust_async", "101"], ["httpx", "85"]], "The median of 10.")
CIRCUMSTANCES = results.Circumstances(
    "2026-11-22",
    "python -m benchmarks",
    {"CPU": "Abacus 9", "cores": "2", "OS": "Abacus OS 1"},
    {"Python": "3.11.7", "httpx": "0.28.1"},
)
SECTIONS = {
    "pages": results.Section(CIRCUMSTANCES, [RACE]),
    "small": results.Section(CIRCUMSTANCES, [LISTING]),
}


def twice(number: int) -> int:
    """Do a contender's work."""
    return number * 2


def raises(_: int) -> int:
    """Do a contender's work incorrectly."""
    raise SystemExit(1)


def in_a_list(found: int) -> list[int]:
    """Sum up the results in the contender's process."""
    return [found]


def serves_nothing(_: Any) -> None:
    """Exit before serving anything."""


@pytest.mark.parametrize("name", results.BENCHMARKS)
@pytest.mark.slow
def test_a_benchmark_runs(name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each benchmark measures for a moment, finds correct results, and saves nothing."""
    if name == "web_app":
        pytest.importorskip("fastapi", reason="the web app comes with the extra `bench`")
    monkeypatch.setattr("benchmarks.__main__.save", None)
    main([name, "--quick"])
    assert "adjust_async" in capsys.readouterr().out


def test_every_benchmark_says_what_it_measures() -> None:
    """A benchmark has a docstring, and a place for its tables in the README."""
    text = document.README.read_text(encoding="utf-8")
    for name in results.BENCHMARKS:
        assert import_module(f"benchmarks.{name}").__doc__
        assert f"<!-- begin tables {name} -->" in text


def test_an_unknown_benchmark_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """A misspelt name runs nothing, and is reported."""
    with pytest.raises(SystemExit):
        main(["pages", "trees", "--quick"])
    assert "there is no benchmark 'trees'" in capsys.readouterr().err


def test_what_contenders_find_is_compared() -> None:
    """A contender that finds something else ends the benchmark."""
    contenders = [Contender("right", twice), Contender("wrong", abs)]
    with pytest.raises(SystemExit, match="wrong found 3, where 6 is right"):
        measuring.side_by_side(contenders, lambda _: (3,), rounds=1, expected=lambda _: 6)


def test_contenders_run_round_by_round() -> None:
    """Every contender runs once in each round, in a process that is timed."""
    runs = measuring.side_by_side(
        [Contender("one", twice), Contender("other", twice, share=2)],
        lambda contender: (6 // contender.share,),
        rounds=2,
        expected=lambda contender: [12 // contender.share],
        warm_up=(1,),
        summary=in_a_list,
    )
    assert {name: (share, len(of_one)) for name, (share, of_one) in runs.items()} == {"one": (1, 2), "other": (2, 2)}
    assert all(run.wall > 0 and run.server is None for _, of_one in runs.values() for run in of_one)


def test_who_lacks_a_package_takes_no_part(capsys: pytest.CaptureFixture[str]) -> None:
    """A contender whose module is not installed is left out, with a note."""
    contenders = [Contender("there", twice), Contender("missing", twice, needs="no_such_module")]
    runs = measuring.side_by_side(contenders, lambda _: (1,), rounds=1, expected=lambda _: 2)
    assert list(runs) == ["there"]
    assert "missing takes no part: the module no_such_module is not installed" in capsys.readouterr().err


def test_a_contender_that_fails_ends_the_benchmark() -> None:
    """A process that ends without a result is reported, and not waited for."""
    with pytest.raises(SystemExit, match="raises failed"):
        measuring.alone(raises, 1)


def test_a_server_that_fails_ends_the_benchmark() -> None:
    """A server that ends before it listens is reported, and not waited for."""
    with pytest.raises(SystemExit, match="serves_nothing failed"), beside(serves_nothing):
        pass


def test_a_digest_is_of_all_cells_in_any_order() -> None:
    """Two lists of rows have the same digest if they have the same rows, however often each occurs."""
    rows: list[tuple[Any, ...]] = [("a", 1), ("b", None)]
    assert measuring.digest(rows) == measuring.digest(reversed(rows))
    assert len({measuring.digest(other) for other in (rows, [("a", 1), ("b", 0)], [*rows, ("a", 1)], [("a", 1)])}) == 4


def test_a_share_counts_as_a_share() -> None:
    """CPU, rate and ratio of a contender with a share refer to one unit of work, and are comparable."""
    assert measuring.figures(RACE, "a | loop") == {
        "wall": [3.0],
        "ratio": [pytest.approx(50)],
        "cpu": [pytest.approx(1.0)],
        "rate": [pytest.approx(20)],
        "memory": [1.0],
        "server": [pytest.approx(100 / 300)],
    }


def test_a_table_has_what_there_is() -> None:
    """Columns that make no sense for a measurement are left out: no ratio without an ideal, no server without one."""
    plain = Measurement("small", "Import", "import", 1, None, None, {"adjust_async": (1, [Run(0.1, 0.1, 1_000_000)])})
    assert measuring.listed(plain).columns == ["", "Wall time, s", "CPU per import, ms", "Memory, MB"]
    assert measuring.listed(plain).rows == [["adjust_async", "0.100", "100", "1.00"]]
    assert "CPU per page, ms  Pages per second" in measuring.table(RACE)
    assert "3.30 (3.00–3.60)" in measuring.table(RACE)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0"), (0.00012, "0.0001"), (0.0421, "0.0421"), (1.234, "1.23"), (98.76, "98.8"), (12345.6, "12,346")],
)
def test_a_number_shows_three_digits(value: float, shown: str) -> None:
    """A number has as many digits as such measurements justify."""
    assert measuring.amount(value) == shown


def test_results_are_kept(tmp_path: Path) -> None:
    """Saved results are read unchanged, in the order of the benchmarks."""
    path = tmp_path / "results.json"
    assert results.load(path) == {}
    results.save(dict(reversed(SECTIONS.items())), path)
    assert results.load(path) == SECTIONS
    assert list(results.load(path)) == ["pages", "small"]


def test_the_circumstances_are_told() -> None:
    """Machine and versions are those of the run."""
    told = results.circumstances("python -m benchmarks pages")
    assert all(told.machine.values())
    assert {"Python", "adjust_async", "httpx", "orjson"} <= set(told.versions)


def test_the_readme_has_what_the_results_say() -> None:
    """Rendering `results.json` returns the README unchanged: no figure in it was typed by hand."""
    text = document.README.read_text(encoding="utf-8")
    assert document.rendered(text, results.load()) == text


def test_the_charts_are_those_of_the_results() -> None:
    """Each measured race has its chart, and there are no others."""
    drawn = {chart.stem for chart in document.CHARTS.iterdir()}
    assert drawn == set(document.charts_of(results.load()))


def test_a_document_is_rendered() -> None:
    """Tables, figures and the machine are inserted between their marks, and the prose is unchanged."""
    text = (
        "Before <!-- begin machine -->old<!-- end --> between <!-- begin tables small -->old<!-- end -->, "
        "takes <!-- begin figure pages 0.05 ratio adjust_async -->old<!-- end --> times the ideal."
    )
    rendered = document.rendered(text, SECTIONS)
    assert "old" not in rendered
    assert rendered.endswith(
        "takes <!-- begin figure pages 0.05 ratio adjust_async -->1.10<!-- end --> times the ideal."
    )
    assert "| Machine | Abacus 9, 2 cores, Abacus OS 1 |" in rendered
    assert "| Versions | Python 3.11.7, httpx 0.28.1 |" in rendered
    assert "Imports:\n\n|  | ms |\n| --- | ---: |\n| **adjust_async** | 101 |\n| httpx | 85 |\n\nThe median" in rendered
    assert document.rendered(rendered, SECTIONS) == rendered


def test_a_race_is_rendered_with_its_chart() -> None:
    """The tables of a race are below its chart, and no cell breaks a table."""
    tables = document.generated("tables pages", SECTIONS)
    assert tables.startswith("\n\n![3,000 pages](charts/pages.svg)\n\n3,000 pages, 50 ms of latency, 3.00 s at best:")
    assert r"| a \| loop (1/50 of it) | 3.00 | 50.0 |" in tables


def test_what_was_not_measured_is_said() -> None:
    """A benchmark without results says so. An unknown benchmark is an error."""
    assert document.generated("tables tree", SECTIONS) == "\n\n(not measured yet)\n\n"
    assert document.generated("figure pages 0.2 ratio adjust_async", SECTIONS) == "?"
    with pytest.raises(ValueError, match="no such thing"):
        document.generated("tabels pages", SECTIONS)


def test_sections_of_different_runs_are_told_apart() -> None:
    """If benchmarks were run at different times, the document says which one was run with what."""
    later = CIRCUMSTANCES._replace(date="2026-11-23")
    machine = document.generated("machine", {**SECTIONS, "small": SECTIONS["small"]._replace(circumstances=later)})
    assert machine.index("pages:") < machine.index("2026-11-22") < machine.index("small:") < machine.index("2026-11-23")


def test_races_with_an_ideal_are_charted() -> None:
    """A chart shows all latencies of one race; measurements without an ideal, or that are not races, have none."""
    slower, without = RACE._replace(latency=0.2, ideal=12.0), RACE._replace(latency=0.0, ideal=None)
    other = RACE._replace(title="Other pages")
    assert drawing.charted([without, RACE, slower, other, LISTING]) == {"pages": [RACE, slower], "pages-2": [other]}


@pytest.mark.skipif(find_spec("matplotlib") is None, reason="matplotlib comes with the extra `bench`")
def test_a_chart_is_always_the_same() -> None:
    """Drawing a measurement twice returns the same bytes, without a date in them."""
    drawn = drawing.draw([RACE])
    assert drawn == drawing.draw([RACE])
    assert b"adjust_async" in drawn
    assert b"dc:date" not in drawn


def test_the_quick_options_are_quick() -> None:
    """A moment's worth is one round at one small latency."""
    assert QUICK.quick
    assert QUICK.rounds == len(QUICK.latencies) == 1
