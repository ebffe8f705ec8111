import signal
from pathlib import Path

import pytest

from adjust_async import load_plan
from adjust_async.emulator import Faults
from tests.cli.shell import emulated, eventually, interrupt

ENDS = pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])


@pytest.mark.parametrize(
    ("format", "number", "status"),
    [("csv", signal.SIGINT, 130), ("parquet", signal.SIGTERM, 143), ("json", signal.SIGINT, 130)],
)
def test_in_the_middle_of_a_report(format: str, number: signal.Signals, status: int) -> None:
    """An interrupted report leaves only the old file, and says so."""
    with emulated(faults=Faults(rate=1, kinds=["drip"], drip=60)) as shell:
        file = shell.home / "report"
        file.write_text("old")
        question = ("--dimensions", "hour,network", "--metrics", "installs", "--date-period", "2026-01-01:2026-01-31")
        process = shell.start("report", *question, "--format", format, "--output", file)
        eventually(lambda: shell.emulator.requests)
        if format != "json":
            eventually(lambda: unfinished(shell.home))
        finished = interrupt(process, number)
        assert file.read_text() == "old"
        assert unfinished(shell.home) == []
    assert finished.status == status
    assert finished.out == ""
    assert f"{file} was not written." in finished.err
    assert len(finished.err.splitlines()) == 2


def unfinished(folder: Path) -> list[Path]:
    """Return the temporary files."""
    return list(folder.glob(".*.part"))


@ENDS
def test_in_the_middle_of_a_roll_out(number: signal.Signals, status: int) -> None:
    """An interrupted roll-out says what was done, leaves nothing in doubt, and its retry plan completes it."""
    with emulated(trackers_per_app=0, latency=0.03) as shell:
        shell.emulator.faults = Faults(rate=0.2, seed=7, retry_after=0)
        app, plan, left = shell.apps[0], shell.home / "plan.csv", shell.home / "left.csv"
        paths = [f"Network {number % 7}::{number}" for number in range(300)]
        plan.write_text("path\n" + "\n".join(paths) + "\n")
        options = ("--yes", "--grace-time", "0.5", "--max-concurrency", "4")
        process = shell.start("trackers", "provision", app, plan, *options, "--retry-plan", left)
        eventually(lambda: sum(request.method == "POST" for request in shell.emulator.requests) > 60)
        finished = interrupt(process, number)
        assert finished.status == status
        shell.emulator.faults = None
        there = shell.emulator.store.count_trackers()
        rest = load_plan(left)
        assert 0 < len(rest) < 300
        assert f"{len(rest)} not tried" in finished.err or "not tried" in finished.err
        assert "created" in finished.err
        assert str(left) in finished.err
        assert len(finished.err.splitlines()) <= 3 + len([line for line in finished.err.splitlines() if "─" in line])
        again = shell.invoke("trackers", "provision", app, left, "--yes", "--format", "csv", "--quiet")
        assert again.status == 0
        assert shell.emulator.store.count_trackers() == 307
        assert there >= 300 - len(rest)
        repeated = shell.invoke("trackers", "provision", app, plan, "--dry-run", "--format", "csv", "--quiet")
    assert repeated.out.count(",unchanged,") == 300


def test_in_the_middle_of_a_create() -> None:
    """An interrupted create says that the tracker may exist."""
    with emulated(latency=30) as shell:
        process = shell.start("trackers", "create", shell.apps[0], "New")
        eventually(lambda: shell.emulator.requests)
        finished = interrupt(process)
    assert finished.status == 130
    assert "may have been created" in finished.err


def test_by_keys_in_a_terminal() -> None:
    """Ctrl-C in a terminal removes the progress bar, and says that it was interrupted."""
    days = ("--start-date", "2026-01-01", "--end-date", "2026-01-31")
    with emulated(latency=30) as shell, shell.terminal("kpis", "deliverables", *shell.apps, *days) as terminal:
        terminal.wait_for("Asking for deliverables")
        terminal.wait_for("0/2")
        assert terminal.interrupt() == 130
    assert "Interrupted." in terminal.text
    assert "Traceback" not in terminal.text


def test_in_the_question_for_the_token() -> None:
    """Ctrl-C at the prompt for the token ends the command."""
    with emulated() as shell, shell.terminal("apps", ADJUST_API_TOKEN=None) as terminal:
        terminal.wait_for("API token: ")
        assert terminal.interrupt() == 130
        assert len(shell.emulator.requests) == 0
    assert "Traceback" not in terminal.text
