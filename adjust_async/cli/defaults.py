"""Defaults of options: environment variables `ADJUST_*`, then `~/.adjustrc`."""

import json
import os
import re
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from adjust_async.cli.errors import UsageError

__all__ = ["defaults_of", "token_source"]

#: Options that a forgotten setting must not switch on, because they change files or trackers.
_NEVER = frozenset(("dry_run", "help", "output", "plot", "retry_plan", "version", "yes"))

#: `key: value`, `key = value`, or the same in quotes, as in YAML or INI.
_LINE = re.compile(r"""^[ \t]*["']?([a-z_]+)["']?[ \t]*[:=][ \t]*(.*?)[ \t]*,?[ \t]*$""", re.MULTILINE)


def defaults_of(names: Iterable[str]) -> dict[str, str]:
    """Return the options that the environment sets, or else `~/.adjustrc`; options that neither sets are left out.

    Raises:
        UsageError: Others can write `~/.adjustrc`.
    """
    of_file = _read_adjustrc()
    found = {name: os.environ.get(f"ADJUST_{name.upper()}") or of_file.get(name) for name in {*names} - _NEVER}
    return {name: value for name, value in found.items() if value}


def token_source() -> str | None:
    """Return the name of the place that has an API token; `None` if there is none."""
    if os.environ.get("ADJUST_API_TOKEN"):
        return "ADJUST_API_TOKEN"
    return "~/.adjustrc" if _read_adjustrc().get("user_token") else None


def _read_adjustrc() -> dict[str, str]:
    """Read `~/.adjustrc`, the file of Adjust's own clients: flat YAML, INI or JSON."""
    try:
        path = Path.home() / ".adjustrc"
        text = path.read_text(encoding="utf-8-sig")
        mode = path.stat().st_mode
    except (OSError, RuntimeError, UnicodeDecodeError):
        return {}
    if os.name == "posix" and mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise UsageError("others can write ~/.adjustrc, and so send the API token elsewhere: chmod go-w ~/.adjustrc")
    try:
        document = json.loads(text)
    except ValueError:
        return {name: _plain(value) for name, value in _LINE.findall(text)}
    return {str(name): _text(value) for name, value in document.items()} if isinstance(document, dict) else {}


def _plain(value: str) -> str:
    """Return a value without quotes, comment and list brackets."""
    if quoted := re.match(r"""(["'])(.*?)\1""", value):
        return quoted[2]
    value = re.split(r"(?:^|[ \t])#", value, maxsplit=1)[0].strip()
    if value[:1] == "[" and value[-1:] == "]":
        return ",".join(part.strip().strip("\"'") for part in value[1:-1].split(","))
    return value


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(_text, value))
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: ""}[value]
    return str(value)
