"""A shell for tests: runs `adjust-async` against an emulator, in this process, in another one, or in a terminal."""

import functools
import logging
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from fcntl import ioctl
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import typer.testing
from typer.testing import CliRunner

from adjust_async.cli.commands import app
from adjust_async.emulator import Emulator

# Typer builds all commands again for each call, which takes longer than most of them.
typer.testing._get_command = functools.cache(typer.testing._get_command)  # type: ignore[attr-defined]

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0


class Finished(NamedTuple):
    """A finished command."""

    status: int
    out: str
    err: str


class Shell:
    """Commands with the emulator's URL and token in their environment, and a home without `.adjustrc`."""

    def __init__(self, emulator: Emulator, home: Path) -> None:
        self.emulator = emulator
        self.token = emulator.token
        self.apps = emulator.app_tokens
        self.home = home

    def environment(self, **more: str | None) -> dict[str, str]:
        """Return the environment of a command; `None` removes a variable."""
        own = {
            "ADJUST_API_URL": self.emulator.url,
            "ADJUST_API_TOKEN": self.token,
            "HOME": str(self.home),
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "TERM": "xterm-256color",
        }
        return {name: value for name, value in {**own, **more}.items() if value is not None}

    def invoke(self, *arguments: str | Path, input: str | None = None, **environment: str | None) -> Finished:
        """Run a command in this process, where stdin and stdout are not terminals."""
        wanted: dict[str, str | None] = dict.fromkeys([name for name in os.environ if name.startswith("ADJUST_")])
        wanted |= {"COLUMNS": None, "NO_COLOR": None, "FORCE_COLOR": None}
        wanted |= {name: value for name, value in self.environment().items() if name not in {"PATH", "PYTHONPATH"}}
        logger = logging.getLogger("adjust_async")
        kept = logger.handlers, logger.level, logger.propagate  # a command sets them for its own process
        try:
            result = CliRunner().invoke(app, [*map(str, arguments)], input=input, env=wanted | environment)
        finally:
            logger.handlers, level, logger.propagate = kept
            logger.setLevel(level)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Finished(result.exit_code, result.stdout, result.stderr)

    def start(self, *arguments: str | Path, **environment: str | None) -> "subprocess.Popen[str]":
        """Start a command as another process."""
        return subprocess.Popen(
            [sys.executable, "-m", "adjust_async", *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment(**environment),
            cwd=self.home,
        )

    def run(self, *arguments: str | Path, **environment: str | None) -> Finished:
        """Run a command as another process until it ends."""
        return finish(self.start(*arguments, **environment))

    @contextmanager
    def terminal(
        self, *arguments: str | Path, columns: int = 80, lines: int = 24, **environment: str | None
    ) -> Iterator["Terminal"]:
        """Start a command in a terminal."""
        terminal = Terminal([*map(str, arguments)], self.environment(**environment), columns, lines)
        try:
            yield terminal
        finally:
            terminal.close()


class Terminal:
    """A command in a terminal, with keys to press and a screen to read."""

    def __init__(self, arguments: list[str], environment: Mapping[str, str], columns: int, lines: int) -> None:
        ours, theirs = pty.openpty()
        ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self._file = ours
        self.raw = ""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "adjust_async", *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environment,
            start_new_session=True,
            preexec_fn=lambda: ioctl(0, termios.TIOCSCTTY, 0),  # so that Ctrl-C reaches it from the terminal
        )
        os.close(theirs)

    @property
    def text(self) -> str:
        """The output, without colours and cursor movements."""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", self.raw)

    def press(self, keys: str) -> None:
        """Press keys."""
        os.write(self._file, keys.encode())

    def interrupt(self) -> int:
        """Press Ctrl-C, again if it came just before a line was being read. Return the status."""
        end = time.monotonic() + PATIENCE
        while self._process.poll() is None and time.monotonic() < end:
            self.press("\x03")
            self._read_until(lambda: self._process.poll() is not None, patience=2.0)
        return self.finish()

    def wait_for(self, text: str) -> None:
        """Read until a text appears."""
        self._read_until(lambda: text in self.text)
        assert text in self.text, self.text

    def finish(self) -> int:
        """Read to the end. Return the status."""
        self._read_until(lambda: False)
        return self._process.wait(PATIENCE)

    def close(self) -> None:
        """Leave nothing behind."""
        with suppress(ProcessLookupError):
            self._process.kill()
        self._process.wait()
        os.close(self._file)

    def _read_until(self, done: Callable[[], bool], *, patience: float = PATIENCE) -> None:
        end = time.monotonic() + patience
        while not done() and time.monotonic() < end:
            readable, _, _ = select.select([self._file], [], [], 0.2)
            if not readable:
                continue
            try:
                piece = os.read(self._file, 65536)
            except OSError:  # the other end is closed
                return
            if not piece:
                return
            self.raw += piece.decode("utf-8", "replace")


@contextmanager
def emulated(**account: Any) -> Iterator[Shell]:
    """Open a shell with an emulator."""
    options: dict[str, Any] = {"apps": 2, "trackers_per_app": 30, "facts_per_day": 10, **account}
    with TemporaryDirectory() as home, Emulator(**options) as emulator:
        yield Shell(emulator, Path(home))


def finish(process: "subprocess.Popen[str]") -> Finished:
    """Wait for the end of a command."""
    try:
        out, err = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(f"the command did not end: {out}{err}") from None
    return Finished(process.returncode, out, err)


def interrupt(process: "subprocess.Popen[str]", number: int = signal.SIGINT) -> Finished:
    """Send a signal, and wait for the end."""
    process.send_signal(number)
    return finish(process)


def eventually(condition: Callable[[], object]) -> None:
    """Wait until a condition is met."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)
