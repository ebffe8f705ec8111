import inspect
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from adjust_async import AsyncAdjust, __version__, cli
from adjust_async.campaign.partners import Partners
from adjust_async.campaign.trackers import Trackers
from adjust_async.cli.commands import app
from adjust_async.kpis.resource import KPIs
from adjust_async.reports.resource import Reports
from tests.cli.shell import emulated

DAYS = ("--start-date", "2026-01-01", "--end-date", "2026-01-02")

WITHOUT = """
import sys
sys.modules[{module!r}] = None
from adjust_async.cli import main
main()
"""


@pytest.mark.parametrize(
    ("module", "arguments", "extra"),
    [
        ("typer", ["--version"], "cli"),
        ("rich", ["apps"], "cli"),
        ("uvicorn", ["emulator", "--port", "0"], "cli"),
        ("starlette", ["demo"], "cli"),
        ("matplotlib", ["kpis", "cohorts", "app", *DAYS, "--plot", "chart.png"], "plot"),
        ("pyarrow", ["apps", "--output", "apps.parquet"], "arrow"),
    ],
)
def test_missing_extra(module: str, arguments: list[str], extra: str, tmp_path: Path) -> None:
    """Without its extra a command says how to install it, and exits with 2."""
    program = [sys.executable, "-c", WITHOUT.format(module=module), *arguments]
    environment = {**os.environ, "ADJUST_API_TOKEN": "token"}
    finished = subprocess.run(program, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment)
    assert finished.returncode == 2
    assert f"pip install 'adjust_async[{extra}]'" in finished.stderr
    assert len(finished.stderr.splitlines()) == 1


def test_mistakes_in_the_package_are_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a missing extra is explained; a missing module of the package itself stays an error."""
    monkeypatch.setitem(sys.modules, "adjust_async.cli.commands", None)
    with pytest.raises(ModuleNotFoundError):
        cli.main()


def test_version() -> None:
    """`--version` prints only the version."""
    with emulated() as shell:
        assert shell.invoke("--version") == (0, f"adjust-async {__version__}\n", "")


def test_as_a_module() -> None:
    """`python -m adjust_async` is `adjust-async`, under that name."""
    with emulated() as shell:
        finished = shell.run("trackers", "--help")
    assert finished.status == 0
    assert finished.out.startswith("Usage: adjust-async trackers")


def test_demo() -> None:
    """The demo walks, rolls out and reports without an account."""
    finished = CliRunner().invoke(app, ["demo"])
    assert finished.exit_code == 0
    assert "Requests by route:" in finished.stdout


def commands_below(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every command, with its name."""
    for name, below in getattr(command, "commands", {}).items():
        yield (*path, name), below
        yield from commands_below(below, (*path, name))


COMMANDS = dict(commands_below(get_command(app)))


@pytest.mark.parametrize("path", sorted(set(COMMANDS) - {("emulator",), ("demo",)}), ids=" ".join)
def test_help(path: tuple[str, ...]) -> None:
    """The help of a command fits the screen, has examples, and names every option."""
    finished = CliRunner().invoke(app, [*path, "--help"], env={"COLUMNS": "80"})
    lines = finished.stdout.splitlines()
    assert finished.exit_code == 0
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 80
    if path in {("trackers",), ("kpis",)}:
        return
    assert "Examples:" in lines
    assert any(line.strip().startswith(f"adjust-async {' '.join(path)}") for line in lines)
    shown = " ".join(lines)
    for param in COMMANDS[path].params:
        assert param.param_type_name == "argument" or param.hidden or param.opts[0] in shown, param.name


@pytest.mark.parametrize(
    ("path", "method"),
    [
        (("report",), Reports.fetch),
        (("kpis", "deliverables"), KPIs.deliverables),
        (("kpis", "events"), KPIs.events),
        (("kpis", "cohorts"), KPIs.cohorts),
        (("kpis", "skadnetwork"), KPIs.skadnetwork),
        (("trackers", "provision"), Trackers.provision),
        (("trackers", "update"), Trackers.update),
        (("trackers", "list"), Trackers.list),
        (("trackers", "tree"), Trackers.walk),
        (("partners",), Partners.list),
        (("events",), Reports.events),
        ((), AsyncAdjust),
    ],
)
def test_flags_are_the_parameters(path: tuple[str, ...], method: Any) -> None:
    """Every parameter of the Python method is a flag of the command, except for what a shell can't express."""
    wanted: set[str] = set()
    for name, parameter in inspect.signature(method).parameters.items():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            wanted |= get_type_hints(parameter.annotation.__args__[0]).keys()
        elif not name.startswith("on_") or name == "on_failure":
            wanted.add(name)
    given = {param.name for param in (COMMANDS[path] if path else get_command(app)).params}
    # `grace_time` is a flag of the only command that waits for it.
    own = {"grace_time"} if method is AsyncAdjust else set()
    assert wanted - given - own <= {"self", "token", "plan", "http_client", "coordinator"}


def test_completion() -> None:
    """A shell can complete commands and options."""
    with emulated() as shell:
        for words, expected in (("adjust-async tr", "trackers"), ("adjust-async kpis cohorts --gro", "--grouping")):
            finished = shell.run(
                _ADJUST_ASYNC_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=str(len(words.split()) - 1)
            )
            assert expected in finished.out.split(), finished
