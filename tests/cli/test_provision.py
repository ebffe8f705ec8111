import csv
import json
from io import StringIO
from pathlib import Path

import pytest

from adjust_async import TrackerSpec, load_plan
from adjust_async.cli.plan_files import write_plan
from adjust_async.emulator import Faults
from tests.cli.shell import Shell, emulated

PLAN = "path,partner,cost_data_enabled\nNew,AdColony,true\nNew::DE::Spring,,\nNew::DE::Summer,,\n"
TREE = """\
└── + New  partner AdColony  cost data on
    └── + DE
        ├── + Spring
        └── + Summer
"""


def plan_in(shell: Shell, text: str = PLAN, name: str = "plan.csv") -> Path:
    """Write a plan into the home of a shell."""
    place = shell.home / name
    place.write_text(text)
    return place


def creates(shell: Shell) -> int:
    """Count the creates that reached the service."""
    return sum(request.method == "POST" for request in shell.emulator.requests)


def test_dry_run_creates_nothing() -> None:
    """`--dry-run` draws the changes as a tree, and sends only read requests."""
    with emulated(trackers_per_app=0) as shell:
        finished = shell.invoke("trackers", "provision", shell.apps[0], plan_in(shell), "--dry-run")
        assert creates(shell) == 0
    assert finished.status == 0
    assert finished.out == f"{shell.apps[0]}\n{TREE}"
    assert "3 created with 1 above them" in finished.err


def test_nobody_to_ask() -> None:
    """Without a terminal and without `--yes` nothing is created; the status is 2 and the error names the flag."""
    with emulated(trackers_per_app=0) as shell:
        finished = shell.invoke("trackers", "provision", shell.apps[0], plan_in(shell), input="y\n")
        assert creates(shell) == 0
    assert finished.status == 2
    assert "--yes" in finished.err
    assert TREE in finished.out


def test_roll_out_with_yes() -> None:
    """`--yes` creates what is missing, and shows the tree and the outcomes; a second run has nothing to do."""
    with emulated(trackers_per_app=0) as shell:
        plan, app = plan_in(shell), shell.apps[0]
        first = shell.invoke("trackers", "provision", app, plan, "--yes")
        assert creates(shell) == 4
        again = shell.invoke("trackers", "provision", app, plan)
        assert creates(shell) == 4
        tree = shell.invoke("trackers", "tree", app).out
    assert first.status == again.status == 0
    assert TREE in first.out
    assert [line.split()[:2] for line in first.out.splitlines()[-3:]] == [
        ["New", "created"],
        ["New::DE::Spring", "created"],
        ["New::DE::Summer", "created"],
    ]
    assert "Nothing to do." in again.err
    assert "Spring" in tree


def test_outcomes_as_data() -> None:
    """With another format, stdout has only the outcomes, and the tree goes to stderr."""
    with emulated(trackers_per_app=0) as shell:
        finished = shell.invoke("trackers", "provision", shell.apps[0], plan_in(shell), "--yes", "--format", "csv")
    rows = list(csv.DictReader(StringIO(finished.out)))
    assert [row["status"] for row in rows] == ["created"] * 3
    assert all(row["tracker_token"] for row in rows)
    assert TREE in finished.err


@pytest.mark.parametrize(("answer", "status", "created"), [("y", 0, 4), ("n", 1, 0), (None, 130, 0)])
def test_the_question(answer: str | None, status: int, created: int) -> None:
    """In a terminal the operator is asked; only a yes creates, and Ctrl-C is status 130."""
    with emulated(trackers_per_app=0) as shell:
        arguments = ("trackers", "provision", shell.apps[0], plan_in(shell))
        with shell.terminal(*arguments) as terminal:
            terminal.wait_for("[y/N]: ")
            assert "Create 4 trackers" in terminal.text
            if answer is None:
                assert terminal.interrupt() == status
            else:
                terminal.press(f"{answer}\n")
                assert terminal.finish() == status
        assert creates(shell) == created
    assert "Traceback" not in terminal.text


@pytest.mark.parametrize("name", ["left.csv", "left.jsonl"])
def test_retry_plan(name: str) -> None:
    """Failed entries go into a plan, which can be run again, and then has nothing left."""
    with emulated(trackers_per_app=0) as shell:
        app, plan, left = shell.apps[0], plan_in(shell), shell.home / name
        shell.emulator.faults = Faults(rate=1, kinds=["500"], match="POST ")
        arguments = ("--yes", "--retry-plan", left, "--grace-time", "0", "--max-attempts", "1")
        failed = shell.invoke("trackers", "provision", app, plan, *arguments)
        assert load_plan(left) == load_plan(plan)
        shell.emulator.faults = None
        done = shell.invoke("trackers", "provision", app, left, "--yes", "--retry-plan", shell.home / "rest.csv")
        assert load_plan(shell.home / "rest.csv") == []
        rest = shell.invoke("trackers", "provision", app, shell.home / "rest.csv")
        assert len(json.loads(shell.invoke("trackers", "tree", app, "-f", "json").out)) == 4
    assert (failed.status, done.status, rest.status) == (1, 0, 0)
    assert "3 failed" in failed.err
    assert str(left) in failed.err


def test_retry_plan_without_a_reader() -> None:
    """The retry plan is written even if the reader of the outcomes has left."""
    with emulated(trackers_per_app=0) as shell:
        shell.emulator.faults = Faults(rate=1, kinds=["500"], match="POST ")
        left = shell.home / "left.csv"
        options = ("--yes", "--grace-time", "0", "--max-attempts", "1", "--retry-plan", left, "--format", "csv")
        process = shell.start("trackers", "provision", shell.apps[0], plan_in(shell), *options)
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(60) == 0
        assert process.stderr is not None
        process.stderr.close()
        assert len(load_plan(left)) == 3


def test_places_for_the_retry_plan() -> None:
    """A retry plan that can't be written, has another suffix, or is the plan itself is refused at once."""
    with emulated(trackers_per_app=0) as shell:
        plan = plan_in(shell)
        for place in (plan, shell.home / "no" / "left.csv", shell.home / "left.txt", shell.home):
            finished = shell.invoke("trackers", "provision", shell.apps[0], plan, "--yes", "--retry-plan", place)
            assert finished.status == 2
            assert "--retry-plan" in finished.err
        assert len(shell.emulator.requests) == 0
        assert plan.read_text() == PLAN


@pytest.mark.parametrize("name", ["plan.csv", "plan.jsonl"])
def test_plans_survive_files(name: str, tmp_path: Path) -> None:
    """A written plan is read unchanged, whatever names it has."""
    specs = [
        TrackerSpec('A, "b"::Ü ß', partner="Ad, Colony"),
        TrackerSpec("C", partner_id=174, cost_data_enabled=False),
        TrackerSpec("D::E::F", cost_data_enabled=True),
    ]
    write_plan(tmp_path / name, specs)
    assert load_plan(tmp_path / name) == specs


def test_large_differences_are_cut() -> None:
    """Of a difference of thousands of trackers, the first ones are drawn, and the rest is counted."""
    paths = "\n".join(f"Network::DE::{number}" for number in range(1000))
    with emulated(trackers_per_app=0) as shell:
        finished = shell.invoke("trackers", "provision", shell.apps[0], plan_in(shell, f"path\n{paths}\n"), "--dry-run")
    assert len(finished.out.splitlines()) < 20
    assert "… 995 more: 995 +" in finished.out


def test_each_way_to_end(tmp_path: Path) -> None:
    """A dry run, a roll-out, its repetition, a missing app, and a missing terminal each end with their own words."""
    plan, left, rows = tmp_path / "plan.csv", tmp_path / "left.csv", tmp_path / "rows.json"
    plan.write_text("path\nAppLovin::DE\nUnity\n")
    with emulated(trackers_per_app=0) as shell:
        command = ("trackers", "provision", shell.apps[0], plan)
        compared = shell.invoke(*command, "--dry-run")
        assert (compared.status, shell.emulator.store.count_trackers()) == (0, 0)
        assert "Would be" in compared.err
        refused = shell.invoke(*command)
        assert refused.status == 2
        assert "There is no terminal to ask in: pass --yes" in refused.err
        made = shell.invoke(*command, "--yes", "--output", rows, "--retry-plan", left)
        assert (made.status, shell.emulator.store.count_trackers()) == (0, 3)
        assert [row["status"] for row in json.loads(rows.read_text())] == ["created", "created"]
        assert not load_plan(left)
        again = shell.invoke(*command)
        assert again.status == 0
        assert "Nothing to do." in again.err
        nowhere = shell.invoke("trackers", "provision", "nosuchapp123", plan, "--yes")
        assert nowhere.status != 0
        assert shell.emulator.store.count_trackers() == 3
