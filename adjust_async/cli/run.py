"""`Run`, the context of one command: the client, the token, the terminal, and signals."""

import asyncio
import logging
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Self, TypeVar

import attrs
import typer
from rich.console import Console
from rich.text import Text

from adjust_async import AsyncAdjust
from adjust_async.cli.client_options import CLIENT_FLAGS
from adjust_async.cli.defaults import token_source
from adjust_async.cli.errors import TerminatedError, UsageError, one_line
from adjust_async.cli.flags import arguments

__all__ = ["Run"]

T = TypeVar("T")


@attrs.define
class Run:
    """The context of one command.

    Attributes:
        settings: The arguments of the client.
        quiet: Whether to show neither progress nor warnings.
        verbose: Whether to log requests and retries.
        last_words: The message for a command that a signal ends.
        given_token: The API token that was typed.
        err: The terminal at stderr, or a replacement.
    """

    settings: dict[str, Any]
    quiet: bool = False
    verbose: bool = False
    last_words: str = ""
    given_token: str | None = attrs.field(default=None, repr=False)
    err: Console = attrs.field(factory=lambda: Console(stderr=True, highlight=False))

    @classmethod
    def of(cls, ctx: typer.Context, values: Mapping[str, Any]) -> Self:
        """Collect the client's options from before and after the command's name; those after it win."""
        settings = {**(ctx.obj or {}), **arguments(CLIENT_FLAGS, values)}
        quiet, verbose = (bool(settings.pop(name, False)) for name in ("quiet", "verbose"))
        return cls(settings, quiet, verbose)

    def __call__(self, work: Callable[[AsyncAdjust], Awaitable[T]]) -> T:
        """Run some work with a client in a new event loop.

        Ctrl-C and SIGTERM cancel it, so that it can clean up. A second Ctrl-C does not wait for that.

        Raises:
            KeyboardInterrupt: Ctrl-C cancelled the work.
            TerminatedError: SIGTERM cancelled the work.
        """
        token = self.token()
        self.log()
        # A shell that starts this in the background may have set SIGINT to be ignored.
        numbers = [signal.SIGTERM]
        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            numbers.append(signal.SIGINT)
        received: list[int] = []

        async def main() -> T:
            loop, task = asyncio.get_running_loop(), asyncio.current_task()
            assert task is not None  # noqa: S101 - this is one

            def end(number: int) -> None:
                received.append(number)
                loop.remove_signal_handler(number)
                task.cancel()

            for number in numbers:
                with suppress(NotImplementedError, RuntimeError, ValueError):  # on Windows, or not in the main thread
                    loop.add_signal_handler(number, end, number)
            async with AsyncAdjust(token, **self.settings) as adjust:
                return await work(adjust)

        try:
            return asyncio.run(main())
        except asyncio.CancelledError:
            if signal.SIGTERM in received:
                raise TerminatedError from None
            raise KeyboardInterrupt from None

    def tell(self, *lines: str) -> None:
        """Write remarks to stderr, unless `--quiet`."""
        if not self.quiet:
            for line in lines:
                self.err.print(Text(one_line(line)), soft_wrap=True)

    @property
    def interactive(self) -> bool:
        """Whether a person can answer questions on stdin."""
        return sys.stdin is not None and sys.stdin.isatty()

    def token(self) -> str | None:
        """Return the token that was typed; `None` if the client finds one itself.

        Raises:
            UsageError: There is no token, and no person to ask.
        """
        if self.given_token is not None or token_source():
            return self.given_token
        if not self.interactive:
            raise UsageError("no API token: set ADJUST_API_TOKEN, or put user_token into ~/.adjustrc")
        self.given_token = typer.prompt("Adjust API token", hide_input=True, err=True)
        return self.given_token

    def log(self) -> None:
        """Show the client's warnings on stderr, with `--verbose` also requests and retries, with `--quiet` neither."""
        handler = _TerminalHandler(self.err)
        if not self.verbose:
            handler.addFilter(lambda record: not hasattr(record, "attempt"))  # one of a single request
        logger = logging.getLogger("adjust_async")
        logger.handlers = [handler]
        logger.setLevel(logging.DEBUG if self.verbose else logging.CRITICAL if self.quiet else logging.INFO)
        logger.propagate = False


class _TerminalHandler(logging.Handler):
    """Writes log records above a progress bar."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        text = f"Warning: {record.getMessage()}" if record.levelno >= logging.WARNING else record.getMessage()
        self._console.print(Text(one_line(text)), style="dim", soft_wrap=True)
