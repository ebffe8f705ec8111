"""Commands: their options and help, and the conversion of errors into exit statuses."""

import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.models import ArgumentInfo

from adjust_async import ConfigurationError
from adjust_async.cli.client_options import CLIENT_FLAGS
from adjust_async.cli.defaults import defaults_of
from adjust_async.cli.errors import Status, TerminatedError, UsageError, explain, name_options, silence
from adjust_async.cli.flags import FURTHER, Flag, FlagError, arguments, parameters
from adjust_async.cli.run import Run

__all__ = ["Root", "command", "group"]


class _Help:
    """Help that fits the screen: the main options with their texts, the others by name, then examples."""

    params: list[Any]
    epilog: str | None

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return the pieces of the usage line, without braces around required options."""
        pieces: list[str] = super().collect_usage_pieces(ctx)  # type: ignore[misc] # of the class that this is mixed into
        needed = [param for param in self.params if param.param_type_name == "option" and param.required]
        return [re.sub("[{}]", "", piece) for piece in (*(_row(param, ctx)[0] for param in needed), *pieces)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments and options."""
        rows: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": [], FURTHER: []}
        for param in self.get_params(ctx):  # type: ignore[attr-defined] # typer's own class, which this is mixed into
            if param.get_help_record(ctx) is not None:
                heading = "Arguments" if param.param_type_name == "argument" else "Options"
                further = getattr(param, "rich_help_panel", None) == FURTHER
                rows[FURTHER if further else heading].append(_row(param, ctx))
        for heading in ("Arguments", "Options"):
            if rows[heading]:
                with formatter.section(heading):
                    formatter.write_dl(rows[heading], col_max=26)
        if rows[FURTHER]:
            with formatter.section(f"{FURTHER}, named as the parameters in Python"):
                names = ", ".join(name.split()[0].rstrip(",") for name, _ in rows[FURTHER])
                indent = " " * formatter.current_indent
                lines = textwrap.wrap(names, formatter.width - len(indent), break_on_hyphens=False)
                formatter.write("".join(f"{indent}{line}\n" for line in lines))

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - typer's signature
        """Write the examples verbatim."""
        if self.epilog:
            formatter.write_paragraph()
            formatter.write(f"Examples:\n{self.epilog}\n")


def _row(param: Any, ctx: Any) -> tuple[str, str]:
    """Return a parameter's help line, without aliases, and without what the usage line shows."""
    name, text = param.get_help_record(ctx)
    for other in param.opts[1:]:
        if other.startswith("--"):
            name = name.replace(f", {other}", "")
    return re.sub(r" <.*>$", "", name), re.sub(r" *\[required\]$", "", text)


class Command(_Help, TyperCommand):
    """A command whose options can also be set by `ADJUST_*` and `~/.adjustrc`."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Parse the arguments."""
        own = [param for param in self.params if param.name not in {flag.name for flag in CLIENT_FLAGS}]
        return super().make_context(info_name, args, parent, default_map=_default_map(own, args), **extra)


class Root(_Help, TyperGroup):
    """The group of all commands, which turns every error into an exit status."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options, then the commands."""
        super().format_options(ctx, formatter)
        self.format_commands(ctx, formatter)

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Parse the arguments."""
        return super().make_context(info_name, args, parent, default_map=_default_map(self.params, args), **extra)

    def main(self, args: Sequence[str] | None = None, *others: Any, **extra: Any) -> Any:
        """Run a command, and exit with its status."""
        extra["standalone_mode"] = False
        extra["prog_name"] = extra.get("prog_name") or "adjust-async"
        given = sys.argv[1:] if args is None else args
        try:
            status = super().main(args, *others, **extra)
            sys.stdout.flush()
        except SystemExit:
            raise
        except BaseException as error:  # noqa: BLE001 - each becomes a status
            status = explain(error, verbose=not {"-v", "--verbose"}.isdisjoint(given))
        sys.exit(status if isinstance(status, int) else Status.OK)


def _default_map(params: Iterable[Any], args: Sequence[str]) -> dict[str, Any]:
    if "--help" in args:
        return {}
    options = {param.name: param for param in params if param.param_type_name == "option"}
    return {name: [value] if options[name].multiple else value for name, value in defaults_of(options).items()}


def group(app: typer.Typer, name: str, help: str) -> typer.Typer:
    """Add a group of commands."""
    below = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    app.add_typer(below, name=name, help=help)
    return below


def command(
    app: typer.Typer,
    name: str | None = None,
    *,
    flags: Sequence[Flag] = (),
    help: str | None = None,
    examples: str = "",
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that makes a function a command.

    The function is passed a `Run`, its own parameters, and `arguments` with the values of `flags`.

    Args:
        app: The group of the command.
        name: The command's name; by default the function's.
        flags: The options that become `arguments`.
        help: The description; by default the function's docstring.
        examples: Command lines for the end of the help, one a line.
    """

    def register(function: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(function, eval_str=True)
        own = [each for each in signature.parameters.values() if each.name not in {"run", "arguments"}]

        @wraps(function)
        def call(ctx: typer.Context, **values: Any) -> None:
            with _problems_of(ctx.command_path, flags):
                run = Run.of(ctx, values)
                rest = {each.name: values[each.name] for each in own}
                if flags:
                    rest["arguments"] = arguments(flags, values)
                with _ends_of(run, values.get("output")):
                    function(run, **rest)

        call.__signature__ = _signature(own, flags)  # type: ignore[attr-defined] # what typer makes options of
        call.__annotations__ = {}
        del call.__wrapped__  # its parameters are not those of the command
        epilog = "\n".join(f"  {line}" for line in inspect.cleandoc(examples).splitlines())
        app.command(name, cls=Command, help=help, epilog=epilog)(call)
        return function

    return register


def _signature(own: Sequence[inspect.Parameter], flags: Sequence[Flag]) -> inspect.Signature:
    """Return the parameters of a command in the order of its help: arguments, flags, other options."""
    context = inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    keywords = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own]
    places = [each for each in keywords if isinstance(each.annotation.__metadata__[0], ArgumentInfo)]
    options = [each for each in keywords if each not in places]
    return inspect.Signature([context, *places, *parameters(flags), *options, *parameters(CLIENT_FLAGS, hidden=True)])


@contextmanager
def _problems_of(command: str, flags: Sequence[Flag]) -> Iterator[None]:
    """Add the command to usage errors, and replace parameter names by option names."""
    try:
        yield
    except (FlagError, UsageError) as error:
        raise UsageError(str(error), command=command) from None
    except ConfigurationError as error:
        if len(str(error).splitlines()) > 1:
            raise
        options = {flag.name: flag.option for flag in (*flags, *CLIENT_FLAGS)}
        raise UsageError(name_options(str(error), options), command=command) from None


@contextmanager
def _ends_of(run: Run, output: Path | None) -> Iterator[None]:
    """End quietly if the reader of stdout has left; after a signal, say what was done."""
    run.last_words = "" if output is None else f"{output} was not written."
    try:
        yield
    except (KeyboardInterrupt, TerminatedError, typer.Abort) as error:
        raise typer.Exit(explain(error, last_words=run.last_words)) from None
    except BrokenPipeError:
        silence()
        raise typer.Exit(Status.OK) from None
