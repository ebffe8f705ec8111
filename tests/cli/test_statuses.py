import subprocess
import sys
from pathlib import Path

import pytest

from adjust_async.emulator import Faults
from tests.cli.shell import emulated

DAYS = ("--start-date", "2026-01-01", "--end-date", "2026-01-02")
QUESTION = ("--dimensions", "day", "--metrics", "installs", "--date-period")


def is_brief(err: str) -> bool:
    """Return whether an error has one to three lines, and is not a traceback."""
    return 1 <= len(err.splitlines()) <= 3 and "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nosuch",), "No such command 'nosuch'"),
        (("apps", "--nosuch"), "No such option"),
        (("apps", "--format", "xml"), "'xml'"),
        (("report", "--metrics", "installs"), "--dimensions"),
        (("report", *QUESTION, "last_7_days"), "--date-period is 'last_7_days', which the service refuses"),
        (("report", *QUESTION, "today", "--filter", "network__like=a"), "network__like"),
        (("report", *QUESTION, "today", "--filter", "installs__gte=many"), "pass a number"),
        (("report", *QUESTION, "today", "--on-failure", "ignore"), "--on-failure is 'ignore'"),
        (("report", *QUESTION, "today", "--format", "parquet"), "needs --output"),
        (("report", *QUESTION, "today", "--output", "/nosuch/folder/file.csv"), "there is no folder"),
        (("report", *QUESTION, "today", "--plot", "chart.pdf"), ".png or .svg"),
        (("kpis", "cohorts", "app", "--start-date", "2026-01-02", "--end-date", "2026-01-01"), "--end-date 2026-01-01"),
        (("kpis", "cohorts", "app", *DAYS, "--window", "fortnight"), "--window is 'fortnight'"),
        (("kpis", "cohorts", "a/b", *DAYS), "'a/b'"),
        (("apps", "--timeout", "-1"), "timeout"),
        (("apps", "--api-url", "http://adjust.example"), "https"),
        (("trackers", "update", "app", "tracker"), "--partner-id"),
        (("trackers", "create", "app", "A::B"), "'A::B'"),
        (("trackers", "provision", "app", "/nosuch/plan.csv"), "plan.csv"),
        (("trackers", "provision", "app", "/nosuch/plan.txt"), ".csv, .jsonl"),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...], words: str) -> None:
    """Wrong usage is status 2, before anything is sent, and names the option in at most three lines."""
    with emulated() as shell:
        finished = shell.invoke(*arguments)
        assert finished.status == 2, finished
        assert is_brief(finished.err), finished.err
        assert words in finished.err
        assert finished.out == ""
        assert len(shell.emulator.requests) == 0


def test_no_token() -> None:
    """Without a token and a terminal, the error says where to put one."""
    with emulated() as shell:
        finished = shell.invoke("apps", ADJUST_API_TOKEN=None)
    assert finished.status == 2
    assert "ADJUST_API_TOKEN" in finished.err
    assert is_brief(finished.err)


def test_refused_token() -> None:
    """A refused token is status 3, and is not repeated."""
    with emulated() as shell:
        for command in (("apps",), ("partners",), ("kpis", "deliverables", shell.apps[0], *DAYS)):
            finished = shell.invoke(*command, ADJUST_API_TOKEN="wrong1234567")
            assert finished.status == 3
            assert "401" in finished.err
            assert is_brief(finished.err)
            assert "wrong1234567" not in finished.err + finished.out


def test_refusals_and_failures() -> None:
    """Refusals and failures of the service, and a service that can't be reached, are status 4."""
    with emulated() as shell:
        missing = shell.invoke("trackers", "list", "nosuchapp")
        unknown = shell.invoke("report", "--dimensions", "day", "--metrics", "nosuch", "--date-period", "yesterday")
        away = shell.invoke("apps", "--api-url", "http://127.0.0.1:9", "--max-attempts", "1")
        shell.emulator.faults = Faults(rate=1, kinds=["500"])
        failing = shell.invoke("partners", "--max-attempts", "2")
    for finished in (missing, unknown, away, failing):
        assert finished.status == 4, finished
        assert is_brief(finished.err), finished.err
        assert finished.out == ""
    assert "404" in missing.err
    assert "'nosuch'" in unknown.err


def test_failures_in_part() -> None:
    """With `--on-failure keep` the figures of the other apps are shown, the failures are named, and the status is 1."""
    with emulated(apps=3) as shell:
        first, broken, third = shell.apps
        shell.emulator.app_states[broken] = "forbidden"
        keep = ("--on-failure", "keep", "--format", "csv")
        kpis = shell.invoke("kpis", "deliverables", *shell.apps, *DAYS, *keep)
        report = shell.invoke("report", *QUESTION, "2026-01-01:2026-01-02", "--app-tokens", ",".join(shell.apps), *keep)
        strict = shell.invoke("kpis", "deliverables", *shell.apps, *DAYS)
    for finished in (kpis, report):
        assert finished.status == 1
        assert first in finished.out
        assert third in finished.out
        assert broken not in finished.out
        assert broken in finished.err
        assert is_brief(finished.err)
    assert strict.status == 4
    assert strict.out == ""


def test_warnings(tmp_path: Path) -> None:
    """What the SDK warns about is on stderr, for rows that are streamed too; `--quiet` omits it."""
    with emulated() as shell:
        report = ("report", *QUESTION, "2026-01-01:2026-01-02", "--app-tokens", "nosuchapp", "--format", "csv")
        streamed = (*report, "--fan-out", "none")
        finished = [shell.invoke(*question) for question in (report, streamed)]
        finished.append(shell.invoke(*streamed, "--output", tmp_path / "rows.csv"))
        quiet = [shell.invoke(*question, "--quiet") for question in (report, streamed)]
    for one in finished:
        assert one.status == 0
        assert one.err.count("Warning: ") == 1
        assert "there are no rows of app 'nosuchapp'" in one.err
    assert [one.err for one in quiet] == ["", ""]


def test_mistakes_of_a_plan() -> None:
    """All mistakes of a plan are reported, in three lines."""
    with emulated() as shell:
        plan = shell.home / "plan.csv"
        plan.write_text("path,partner_id\nA::B::C::D::E,\nB,x\n::C,\nD,\nD,5\n")
        finished = shell.invoke("trackers", "provision", shell.apps[0], plan, "--yes")
    assert finished.status == 2
    assert is_brief(finished.err)
    assert all(f"line {number}:" in finished.err for number in (2, 3, 4, 6))


def test_names_are_not_commands_for_the_terminal() -> None:
    """Control characters from the service do not reach the terminal."""
    with emulated() as shell:
        app = shell.apps[0]
        created = shell.invoke("trackers", "create", app, "Evil \x1b]0;title\x07\x1b[31m [bold]name[/bold]")
        tree = shell.invoke("trackers", "tree", app)
        listed = shell.invoke("trackers", "list", app)
    for finished in (created, tree, listed):
        assert finished.status == 0, finished
        assert "\x1b" not in finished.out
        assert "\x07" not in finished.out
        assert "[bold]name[/bold]" in finished.out


def test_a_full_disk() -> None:
    """Output that can't be written is a one-line error, even at the very end."""
    with emulated() as shell, Path("/dev/full").open("w") as full:
        process = subprocess.run(
            [sys.executable, "-m", "adjust_async", "apps"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env=shell.environment(),
        )
    assert process.returncode == 4
    assert process.stderr == "Error: No space left on device\n"


def test_a_reader_that_leaves() -> None:
    """A pipe whose reader leaves early ends the command quietly."""
    with emulated(facts_per_day=50) as shell:
        question = ("--dimensions", "hour,network,country", "--metrics", "installs")
        period = ("--date-period", "2026-01-01:2026-03-01")
        process = shell.start("report", *question, *period, "--format", "csv")
        assert process.stdout is not None
        assert process.stdout.readline() == "hour,network,country,installs\n"
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""
        assert process.wait(60) == 0
        process.stderr.close()
