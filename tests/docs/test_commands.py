"""The shell commands of the README and the documentation exist, with the options that they name."""

import re
import shlex
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from adjust_async.cli.commands import app
from tests.docs.blocks import PAGES, ROOT, Block, blocks_of

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
NOXFILE = (ROOT / "noxfile.py").read_text(encoding="utf-8")

#: Commands of other projects, whose options are not checked here.
OTHERS = {"cd", "celery", "export", "jupyter", "mkdir", "python", "python3", "source", "uvicorn"}


def commands_of(block: Block) -> Iterator[list[str]]:
    """Split a block into its commands, without their folders and comments."""
    for line in block.code.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        while words:
            end = words.index("&&") if "&&" in words else len(words)
            yield [words[0].removeprefix(".venv/bin/"), *words[1:end]]
            words = words[end + 1 :]


SHELL = [block for page in PAGES for block in blocks_of(page) if block.language == "sh"]


def check_adjust_async(arguments: list[str]) -> None:
    """Check that one of our commands has these options."""
    words = 2 if arguments[0] in {"kpis", "trackers"} else 1
    shown = CliRunner().invoke(app, [*arguments[:words], "--help"], env={"COLUMNS": "200", "NO_COLOR": "1"})
    assert shown.exit_code == 0, shown.output
    for option in arguments[1:]:
        if option.startswith("--"):
            assert re.search(rf"{re.escape(option)}\b", shown.output), option


def check_nox(arguments: list[str]) -> None:
    """Check that a session exists."""
    if "-s" in arguments:
        names = arguments[arguments.index("-s") + 1 :]
        for name in names[: names.index("--") if "--" in names else len(names)]:
            assert re.search(rf"^def {name.partition('-')[0]}\(", NOXFILE, re.MULTILINE), name


def check_pip(arguments: list[str]) -> None:
    """Check that the extras that are installed exist."""
    assert arguments[0] == "install"
    for extras in re.findall(r"(?:adjust_async|\.)\[([\w,]+)\]", " ".join(arguments)):
        assert set(extras.split(",")) <= set(PROJECT["project"]["optional-dependencies"])


@pytest.mark.parametrize("block", SHELL, ids=lambda block: block.place)
def test_a_command_exists(block: Block) -> None:
    """Each command of a shell block is known, and so are its options, sessions and extras."""
    files = {other.title for other in blocks_of(block.page)}
    for name, *arguments in commands_of(block):
        match name:
            case "adjust-async":
                check_adjust_async(arguments)
            case "nox":
                check_nox(arguments)
            case "pip":
                check_pip(arguments)
            case _:
                assert name in OTHERS, name
        if name == "python" and arguments[0].endswith(".py"):
            assert arguments[0] in files


def commands(group: Any, name: str = "adjust-async") -> Iterator[tuple[str, Any]]:
    """Yield each command with its whole name."""
    for word, found in group.commands.items():
        if hasattr(found, "commands"):
            yield from commands(found, f"{name} {word}")
        else:
            yield f"{name} {word}", found


ROOT_COMMAND = typer.main.get_command(app)
REFERENCE = (ROOT / "docs/reference/command-line.md").read_text(encoding="utf-8")
SHARED = {"--format", "--output", "--help"}


def options_in(text: str) -> set[str]:
    """Return the long options that a text names, without those that switch something off."""
    return set(re.findall(r"`(--(?!no-)[a-z-]+)`", text))


def options_of(found: Any) -> set[str]:
    """Return the long options that `--help` of a command names, without other names for the same."""
    options: set[str] = set()
    for param in found.params:
        if param.param_type_name == "option" and not param.hidden:
            names = [name for name in param.opts if name.startswith("--")]
            options |= {*names[:1]}
    return options


COMMANDS = dict(commands(ROOT_COMMAND))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_documented(name: str) -> None:
    """The reference of the command line has a section for each command, which names exactly its options."""
    heading = "adjust-async kpis" if " kpis " in name else name
    section = REFERENCE.partition(f"\n## `{heading}`\n")[2].partition("\n## ")[0]
    assert section
    lines = [line for line in section.splitlines() if "`kpis " not in line or f"`{name.partition(' ')[2]}`" in line]
    shown = options_in("\n".join(lines))
    own = options_of(COMMANDS[name]) - SHARED
    if " kpis " in name:
        assert own <= shown
    else:
        assert own == shown


def test_every_option_of_all_commands_is_documented() -> None:
    """The reference of the command line names the options that every command takes."""
    section = REFERENCE.partition("\n## Options of all commands\n")[2].partition("\n## ")[0]
    assert options_of(ROOT_COMMAND) <= options_in(section)
