"""Reads those options of `adjust-async emulator` that are JSON."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adjust_async.emulator import EmulatedApp

_FIELDS = frozenset({"token", "name", "currency", "trackers"})


@dataclass(frozen=True, slots=True)
class GivenApps:
    """The value of `--apps`: the number of apps, or the apps of a file with their trackers."""

    apps: int | list[EmulatedApp]
    trackers: dict[str, list[str]] = field(default_factory=dict)


def read_json(option: str, text: str) -> Any:
    """Parse an option's value as JSON. Raises `ValueError` if it is malformed."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise ValueError(f"{option} must be a number or JSON, not {text!r} ({error})") from None


def read_apps(text: str) -> GivenApps:
    """Read the number of apps, or the file that describes them. Raises `OSError` and `ValueError`."""
    if text.isascii() and text.isdigit():
        return GivenApps(int(text))
    try:
        document = json.loads(Path(text).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError(f"--apps must be a number or a file, and there is no file {text!r}") from None
    except ValueError as error:
        raise ValueError(f"{text} is not JSON: {error}") from None
    if not isinstance(document, list) or not all(_describes_app(entry) for entry in document):
        raise ValueError(
            f"{text} must be a list of apps, each with a token and optionally a name, a currency and trackers, such as "
            '[{"token": "yxs12pfewq", "name": "My Game", "currency": "EUR", "trackers": ["AppLovin::DE"]}]'
        )
    apps = [EmulatedApp(**{name: entry[name] for name in entry.keys() - {"trackers"}}) for entry in document]
    return GivenApps(apps, {entry["token"]: entry["trackers"] for entry in document if "trackers" in entry})


def _describes_app(entry: object) -> bool:
    if not isinstance(entry, dict) or "token" not in entry or entry.keys() - _FIELDS:
        return False
    trackers = entry.get("trackers", [])
    texts = [entry[name] for name in entry.keys() - {"trackers"}]
    return isinstance(trackers, list) and all(isinstance(text, str) for text in [*texts, *trackers])
