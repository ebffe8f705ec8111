"""The benchmarks run for a moment each, and the figures in their README are those of a run."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from benchmarks import document, drawing, measuring, results, targets
from benchmarks.__main__ import main
from benchmarks.measuring import QUICK, Contender, Listing, Measurement, Run
from benchmarks.processes import run_server

RUNS = {
    "adjust_async": (1, [Run(3.3, 1.5, 9_000_000, 0.3), Run(3.0, 1.2, 8_000_000, 0.3), Run(3.6, 1.8, 9_500_000, 0.3)]),
    "a | loop": (50, [Run(3.0, 0.06, 1_000_000, 0.01)]),
}
RACE = Measurement("pages", "3,000 pages", "page", 3000, 0.05, 3.0, RUNS)
LISTING = Listing("small", "Imports", ["", "ms"], [["adjust_async", "101"], ["httpx", "85"]], "The median of 10.")
CIRCUMSTANCES = results.Circumstances(
    "2026-11-22",
    "abc123def456",
    ["python -m benchmarks"],
    "0.07",
    {"CPU": "Abacus 9", "cores": "2", "memory": "4 GiB", "OS": "Abacus OS 1"},
    {"Python": "3.11.7", "httpx": "0.28.1"},
)
RESULTS = results.Results(
    CIRCUMSTANCES, {"pages": results.Section([RACE], 90.0), "small": results.Section([LISTING], 30.0)}
)


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
def test_a_benchmark_runs(name: str) -> None:
    """Each benchmark measures for a moment, finds correct results, and saves nothing."""
    if name == "web_app":
        pytest.importorskip("fastapi", reason="the web app comes with the extra `bench`")
    before = results.RESULTS.read_bytes()
    # A process of its own is measured without coverage.
    command = [sys.executable, "-m", "benchmarks", name, "--quick"]
    root = Path(__file__).parents[1]
    finished = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=600, check=False)
    assert finished.returncode == 0, finished.stderr
    assert "adjust_async" in finished.stdout
    assert results.RESULTS.read_bytes() == before


def test_every_benchmark_says_what_it_measures() -> None:
    """A benchmark has a docstring, and a place for its tables in the README."""
    template = document.TEMPLATE.read_text(encoding="utf-8")
    for name in results.BENCHMARKS:
        assert import_module(f"benchmarks.{name}").__doc__
        assert f"{{{{ tables {name} }}}}" in template


def test_an_unknown_benchmark_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """A misspelt name runs nothing, and is reported."""
    with pytest.raises(SystemExit):
        main(["pages", "trees", "--quick"])
    assert "there is no benchmark 'trees'" in capsys.readouterr().err


def test_results_of_contenders_are_compared() -> None:
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


def test_a_contender_without_its_package_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
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
    with pytest.raises(SystemExit, match="serves_nothing failed"), run_server(serves_nothing):
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


def test_a_table_has_the_columns_that_make_sense() -> None:
    """Columns that make no sense for a measurement are left out: no ratio without an ideal, no server without one."""
    watched = RACE._replace(runs={"adjust_async": (1, [Run(1.0, 1.0, 1, stop=0.012)])})
    assert measuring.listed(watched).columns[-1] == "Longest stop of the loop, ms"
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
    assert results.load(path) is None
    kept = RESULTS.plus("tree", results.Section([], 1.0, "TimeoutError: it took more than 400 s"))
    results.save(kept, path)
    assert results.load(path) == kept
    assert list(kept.sections) == ["pages", "tree", "small"]


def test_the_circumstances_are_reported() -> None:
    """Machine, commit and versions are those of the run; the versions are of what the package needs today."""
    told = results.circumstances("python -m benchmarks pages")
    assert all(told.machine.values())
    assert told.commit
    assert {"Python", "adjust_async", "httpx", "orjson"} <= set(told.versions)
    assert "h11" not in told.versions


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"date": "2026-11-23", "load": "1.50", "commands": ["python -m benchmarks small"]}, True),
        ({"commit": "0123456789ab"}, False),
        ({"commit": "abc123def456-dirty"}, False),
        ({"machine": {"CPU": "Abacus 10"}}, False),
        ({"versions": {"Python": "3.13.0"}}, False),
    ],
)
def test_only_runs_of_one_commit_and_machine_are_joined(change: dict[str, Any], same: bool) -> None:
    """Figures stand side by side where commit, machine and versions are the same, at whatever time they were found."""
    assert CIRCUMSTANCES._replace(**change).same_as(CIRCUMSTANCES) == same


class Runs:
    """Benchmarks that find what a test says, with results kept in a folder of the test."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path = folder / "results.json"
        self.now = CIRCUMSTANCES
        self.found: dict[str, list[Any]] = {}
        monkeypatch.setattr("benchmarks.__main__._found", self._find)
        monkeypatch.setattr("benchmarks.__main__.load", lambda: results.load(self.path))
        monkeypatch.setattr("benchmarks.__main__.save", lambda kept: results.save(kept, self.path))
        monkeypatch.setattr("benchmarks.__main__.circumstances", lambda command: self.now._replace(commands=[command]))
        monkeypatch.setattr(document, "main", lambda: None)

    def _find(self, name: str, _: measuring.Options) -> Iterator[Any]:
        for one in self.found.get(name, []):
            if isinstance(one, BaseException):
                raise one
            yield one

    @property
    def kept(self) -> results.Results:
        """What was kept."""
        kept = results.load(self.path)
        assert kept is not None
        return kept


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runs:
    """Replace the benchmarks by some that take no time."""
    return Runs(tmp_path, monkeypatch)


@pytest.mark.parametrize("failure", [OSError("no more ports"), SystemExit("httpx found 1, where 2 is right")])
def test_a_benchmark_that_fails_costs_the_others_nothing(runs: Runs, failure: BaseException) -> None:
    """The others run, the failed one keeps what it found before, and the run ends as failed."""
    runs.found = {"pages": [RACE, failure], "small": [LISTING]}
    with pytest.raises(SystemExit, match="failed: pages"):
        main([])
    assert runs.kept.sections["pages"].found == [RACE]
    assert runs.kept.sections["pages"].failure == f"{type(failure).__name__}: {failure}"
    assert runs.kept.sections["small"].found == [LISTING]
    assert list(runs.kept.sections) == list(results.BENCHMARKS)


def test_a_benchmark_that_hangs_is_given_up(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    """A benchmark has a time limit, behind which the next one begins."""

    def hang(name: str, _: measuring.Options) -> Iterator[Any]:
        if name == "pages":
            threading.Event().wait(60)
        yield LISTING

    monkeypatch.setattr("benchmarks.__main__._found", hang)
    monkeypatch.setattr("benchmarks.__main__.LIMIT", 1)
    with pytest.raises(SystemExit, match="failed: pages"):
        main(["pages", "small"])
    assert runs.kept.sections["pages"].failure == "TimeoutError: it took more than 1 s"
    assert runs.kept.sections["small"].found == [LISTING]


def test_a_part_run_again_joins_the_rest(runs: Runs) -> None:
    """On the same commit and machine a part replaces what it found before, and names its command."""
    runs.found = {"pages": [RACE], "small": [LISTING]}
    main([])
    again = LISTING._replace(title="Imports again")
    runs.found = {"small": [again]}
    main(["small"])
    assert runs.kept.sections["pages"].found == [RACE]
    assert runs.kept.sections["small"].found == [again]
    assert runs.kept.circumstances.commands == ["python -m benchmarks", "python -m benchmarks small"]


def test_a_part_of_another_commit_is_not_kept(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    """A run that can't be compared with the rest is shown, with the reason why it is not kept."""
    runs.found = {"pages": [RACE], "small": [LISTING]}
    main([])
    before = runs.path.read_bytes()
    runs.now = CIRCUMSTANCES._replace(commit="0123456789ab")
    main(["small"])
    told = capsys.readouterr()
    assert "shown and not kept: results.json is of commit abc123def456" in told.err
    assert "Imports" in told.out
    assert runs.path.read_bytes() == before


def test_the_readme_is_that_of_the_results() -> None:
    """The README is what rendering `results.json` produces: no figure in it was typed by hand."""
    kept = results.load()
    assert kept is not None
    assert document.readme(kept) == document.README.read_text(encoding="utf-8")


def test_the_charts_are_those_of_the_results() -> None:
    """Each measured race has its chart, and there are no others."""
    kept = results.load()
    assert kept is not None
    assert {chart.stem for chart in document.CHARTS.iterdir()} == set(document.charts_of(kept))


def test_a_template_is_rendered() -> None:
    """Tables, figures and the machine come to their places, and the prose stays."""
    template = "Before {{ machine }}, {{ tables small }}, takes {{ figure pages 0.05 ratio adjust_async }} times."
    text = document.rendered(template, RESULTS)
    assert text.startswith("Before | | |\n|---|---|\n| Machine | Abacus 9, 2 cores, 4 GiB of memory |\n")
    assert "| System | Abacus OS 1, load 0.07 when it began |" in text
    assert "| Versions | Python 3.11.7, httpx 0.28.1 |" in text
    assert "| Commit | `abc123def456` |" in text
    assert "| Date | 2026-11-22, 2 minutes |" in text
    assert "Imports:\n\n|  | ms |\n| --- | ---: |\n| **adjust_async** | 101 |\n| httpx | 85 |\n\nThe median" in text
    assert text.endswith(", takes 1.10 times.")


def test_a_busy_machine_is_reported() -> None:
    """Figures of a machine that had other work to do say so."""
    busy = RESULTS._replace(circumstances=CIRCUMSTANCES._replace(load="1.50"))
    assert "**The machine had other work to do" in document.generated("machine", busy)
    assert "other work" not in document.generated("machine", RESULTS)


def test_a_race_is_rendered_with_its_chart() -> None:
    """The tables of a race are below its chart, and no cell breaks a table."""
    tables = document.generated("tables pages", RESULTS)
    assert tables.startswith("![3,000 pages](charts/pages.svg)\n\n3,000 pages, 50 ms of latency, 3.00 s at best:")
    assert r"| a \| loop (1/50 of it) | 3.00 | 50.0 |" in tables


def test_missing_measurements_are_reported() -> None:
    """A place without results says so, a failure is shown, and an unknown place is a mistake."""
    assert document.generated("tables tree", RESULTS) == "Not measured in this run."
    assert document.generated("figure pages 0.2 ratio adjust_async", RESULTS) == "not measured"
    failed = RESULTS.plus("tree", results.Section([], 1.0, "OSError: no more ports"))
    assert document.generated("tables tree", failed) == "**It ended before its end:** OSError: no more ports"
    with pytest.raises(ValueError, match="nothing to generate"):
        document.generated("tabels pages", RESULTS)


def test_targets_are_compared_with_the_results() -> None:
    """Each target is reached, missed with a reason, or not measured."""
    slow = RACE._replace(runs={**RUNS, "httpx": (1, [Run(9.0, 9.0, 1)])})
    kept = RESULTS.plus("pages", results.Section([slow], 90.0))
    table = document.generated("targets", kept)
    assert "| Pages at 50 ms | 1.25 × the ideal | 1.10 | yes |" in table
    assert "| Pages at 50 ms: CPU a page | 0.2 × plain httpx | 0.167 | yes |" in table
    assert "| Pages at 200 ms | 1.06 × the ideal | not measured |  |" in table
    assert document.generated("missed", kept) == "All targets that were measured were reached."
    slower = kept.plus("pages", results.Section([slow._replace(ideal=2.0)], 90.0))
    assert "| Pages at 50 ms | 1.25 × the ideal | 1.65 | **no** |" in document.generated("targets", slower)
    assert document.generated("missed", slower).startswith("* Pages at 50 ms. One core does all")


def test_a_target_names_what_is_measured() -> None:
    """Whatever a target compares is a contender of its benchmark, so that none is left out by a misspelt name."""
    kept = results.load()
    assert kept is not None
    measured = set(kept.sections)
    for target in targets.TARGETS:
        if target.ours.benchmark in measured:
            assert target.of(kept) is not None, target.what


def test_races_with_an_ideal_are_charted() -> None:
    """A chart shows all latencies of one race; measurements without an ideal, or that are not races, have none."""
    slower, without = RACE._replace(latency=0.2, ideal=12.0), RACE._replace(latency=0.0, ideal=None)
    other = RACE._replace(title="Other pages")
    assert drawing.charted([without, RACE, slower, other, LISTING]) == {"pages": [RACE, slower], "pages-2": [other]}


@pytest.mark.skipif(find_spec("matplotlib") is None, reason="matplotlib comes with the extra `bench`")
@pytest.mark.slow
def test_a_chart_is_always_the_same() -> None:
    """Drawing a measurement twice returns the same bytes, without a date in them."""
    drawn = drawing.draw([RACE])
    assert drawn == drawing.draw([RACE])
    assert b"adjust_async" in drawn
    assert b"dc:date" not in drawn


def test_the_quick_options_are_quick() -> None:
    """A moment's worth is one round at one small latency, and what takes long runs once elsewhere too."""
    assert QUICK.quick
    assert QUICK.rounds == len(QUICK.latencies_or((0.1, 0.2))) == 1
    assert measuring.Options(rounds=3).rounds_of(1.0) == 3
    assert measuring.Options(rounds=3).rounds_of(20.0) == 1
