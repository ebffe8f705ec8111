"""Turns an error into one to three lines on stderr and an exit status."""

import errno
import os
import re
import sys
import traceback
from collections.abc import Mapping
from contextlib import suppress
from enum import IntEnum

import typer

from adjust_async import AdjustError, AuthenticationError, ConfigurationError, PlanError

__all__ = ["Status", "TerminatedError", "UsageError", "explain", "name_options", "one_line", "silence", "tell"]

#: Packages of the extras, with the extra that installs each.
EXTRAS = {
    "dlt": "dlt",
    "httptools": "cli",
    "matplotlib": "plot",
    "pyarrow": "arrow",
    "rich": "cli",
    "starlette": "cli",
    "typer": "cli",
    "uvicorn": "cli",
}

#: The maximum number of plan mistakes to show.
MISTAKES = 20


class Status(IntEnum):
    """The exit statuses."""

    OK = 0
    PARTLY_FAILED = 1
    WRONG_USAGE = 2
    NOT_AUTHENTICATED = 3
    FAILED = 4
    INTERRUPTED = 130
    TERMINATED = 143


class UsageError(ValueError):
    """The command was called incorrectly; nothing was sent."""

    def __init__(self, message: str, *, command: str | None = None) -> None:
        super().__init__(message)
        self.command = command


class TerminatedError(Exception):
    """SIGTERM ended the command."""


def explain(error: BaseException, *, last_words: str = "", verbose: bool = False) -> Status:
    """Print an error, and return the exit status.

    Args:
        error: The error that ended the command.
        last_words: What had been done when a signal arrived.
        verbose: Whether to show the traceback of an unexpected error.
    """
    match error:
        case KeyboardInterrupt() | typer.Abort():
            tell("Interrupted.", last_words)
            return Status.INTERRUPTED
        case TerminatedError():
            tell("Terminated.", last_words)
            return Status.TERMINATED
        case OSError(errno=errno.EPIPE):
            silence()
            return Status.OK
        case typer.TyperException():
            context = getattr(error, "ctx", None)
            _print_usage_error(error.format_message(), getattr(context, "command_path", None))
            return Status.WRONG_USAGE
        case UsageError():
            _print_usage_error(str(error), error.command)
            return Status.WRONG_USAGE
        case AdjustError():
            return _explain_adjust_error(error)
        case ModuleNotFoundError(name=str(name)) if name.partition(".")[0] in EXTRAS:
            package = name.partition(".")[0]
            tell(f"Error: this needs {package}: pip install 'adjust_async[{EXTRAS[package]}]'")
            return Status.WRONG_USAGE
        case OSError():
            silence()
            tell(f"Error: {error.strerror or error}{f': {error.filename}' if error.filename else ''}")
            named = isinstance(error, (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError))
            return Status.WRONG_USAGE if named else Status.FAILED
        case _:
            tell(f"Error: {type(error).__name__}: {error}", "This is a bug in adjust-async: please report it.")
            if verbose:
                traceback.print_exception(error)
            return Status.FAILED


def _explain_adjust_error(error: AdjustError) -> Status:
    text = _mistakes(error) if isinstance(error, PlanError) and error.problems else str(error).splitlines()
    first, *others = text or [type(error).__name__]
    tell(f"Error: {first}", *others, *getattr(error, "__notes__", ()))
    if isinstance(error, ConfigurationError):
        return Status.WRONG_USAGE
    return Status.NOT_AUTHENTICATED if isinstance(error, AuthenticationError) else Status.FAILED


def _mistakes(error: PlanError) -> list[str]:
    """Return the heading of the error, and its mistakes with their places."""
    heading, *lines = str(error).splitlines()
    return [heading.rstrip(":"), *lines[:MISTAKES]]


def _print_usage_error(message: str, command: str | None) -> None:
    tell(f"Error: {message}", *([f"Try '{command} --help'."] if command else ()))


def tell(*lines: str) -> None:
    """Write one to three lines to stderr; further lines are appended to the third."""
    plain = [one_line(line) for line in lines if line.strip()]
    if len(plain) > 3:
        plain = [*plain[:2], "; ".join(plain[2:])]
    with suppress(OSError, ValueError):  # stderr is closed
        sys.stderr.write("".join(f"{line}\n" for line in plain))
        sys.stderr.flush()


def one_line(text: str) -> str:
    """Return a text without control characters, which a terminal would interpret."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]+", " ", text).strip()


def name_options(message: str, options: Mapping[str, str]) -> str:
    """Replace the SDK's parameter names in a message by the names of the options."""
    words = [name for name in options if "_" in name or message.startswith(f"{name} ")]
    if not words:
        return message
    return re.sub(rf"\b({'|'.join(map(re.escape, words))})\b(?![(='\"])", lambda found: options[found[0]], message)


def silence() -> None:
    """Discard the interpreter's final flush of stdout after the reader of a pipe has closed it."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
