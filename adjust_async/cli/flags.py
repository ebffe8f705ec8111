"""Flags: the SDK's parameters as command-line options, and the conversion of their values into arguments."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from inspect import Parameter
from typing import Annotated, Any, Literal

import attrs
import typer

__all__ = ["FURTHER", "Flag", "FlagError", "arguments", "parameters", "split_names"]

#: Options under this heading are only listed by name, so that a command's help fits the screen.
FURTHER = "Further options"

Kind = Literal["names", "text", "bool", "bool or text", "integer", "number", "window", "filters", "pairs"]

_TYPES: Mapping[Kind, Any] = {
    "names": list[str] | None,
    "filters": list[str] | None,
    "pairs": list[str] | None,
    "bool": bool | None,
    "integer": int | None,
    "number": float | None,
}

_METAVARS: Mapping[Kind, str] = {
    "names": "NAMES",
    "text": "TEXT",
    "bool or text": "TEXT",
    "window": "WINDOW",
    "integer": "NUMBER",
    "number": "NUMBER",
    "filters": "NAME=VALUE",
    "pairs": "NAME=VALUE",
}


class FlagError(ValueError):
    """The text of an option can't be converted."""


@attrs.frozen
class Flag:
    """An option that stands for a parameter of the SDK.

    Attributes:
        name: The parameter's name; the option has the same name with dashes.
        kind: The type of its value.
        help: Its text in `--help`.
        required: Whether the command needs it.
        further: Whether `--help` lists it only by name.
        metavar: The placeholder for its value in `--help`.
        called: The option's name, if it differs from the parameter's.
        also: Aliases, such as `-q`.
    """

    name: str
    kind: Kind = "text"
    help: str = ""
    required: bool = attrs.field(default=False, kw_only=True)
    further: bool = attrs.field(default=False, kw_only=True)
    metavar: str | None = attrs.field(default=None, kw_only=True)
    called: str | None = attrs.field(default=None, kw_only=True)
    also: tuple[str, ...] = attrs.field(default=(), kw_only=True)

    @property
    def option(self) -> str:
        """The long option."""
        return self.called or f"--{self.name.replace('__', '-').replace('_', '-')}"


def parameters(flags: Iterable[Flag], *, hidden: bool = False) -> list[Parameter]:
    """Return function parameters that typer turns into these options."""
    return [_parameter(flag, hidden=hidden) for flag in flags]


def _parameter(flag: Flag, *, hidden: bool) -> Parameter:
    names = [flag.option]
    if flag.kind == "bool" and not flag.also:
        names = [f"{flag.option}/--no-{flag.option[2:]}"]
    names += flag.also
    info = typer.Option(
        *names,
        help=flag.help,
        hidden=hidden,
        show_default=False,
        metavar=flag.metavar or _METAVARS.get(flag.kind),
        rich_help_panel=FURTHER if flag.further else None,
    )
    kind: Any = _TYPES.get(flag.kind, str | None)
    annotation: Any = Annotated[kind, info]
    default = Parameter.empty if flag.required else None
    return Parameter(flag.name, Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


def arguments(flags: Iterable[Flag], values: Mapping[str, Any]) -> dict[str, Any]:
    """Convert the values of options into arguments; options that were not set are left out.

    Raises:
        FlagError: A text is malformed for its kind.
    """
    given = {}
    for flag in flags:
        value = values.get(flag.name)
        if value is None or value == []:
            continue
        reader = _READERS.get(flag.kind)
        try:
            given[flag.name] = value if reader is None else reader(value)
        except FlagError as error:
            raise FlagError(f"{flag.option}: {error}") from None
    return given


def split_names(values: Sequence[str]) -> list[str]:
    """Split texts at commas, and strip blanks around names."""
    return [name.strip() for value in values for name in value.split(",") if name.strip()]


def _bool_or_text(value: str) -> bool | str:
    return {"true": True, "false": False}.get(value.lower(), value)


def _window(value: str) -> int | str:
    return int(value) if value.isascii() and value.isdigit() else value


def _pairs(values: Sequence[str]) -> dict[str, Any]:
    pairs: dict[str, Any] = {}
    for name, value in map(_pair, values):
        pairs[name] = value if name not in pairs else [*_as_list(pairs[name]), value]
    return pairs


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name.strip():
        raise FlagError(f"{text!r} is not NAME=VALUE")
    return name.strip(), value


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _filters(values: Sequence[str]) -> dict[str, Any]:
    """Parse filters: a list for `__in` and `__not_in`, a number for comparisons, otherwise a text."""
    filters: dict[str, Any] = {}
    for name, text in map(_pair, values):
        operator = name.rpartition("__")[2]
        if operator in {"in", "not_in"}:
            filters.setdefault(name, []).append(text)
        elif name in filters:
            raise FlagError(f"{name} is passed twice: only __in and __not_in take several values")
        else:
            filters[name] = _number(name, text) if operator in {"lt", "lte", "gt", "gte", "eq", "ne"} else text
    return filters


def _number(name: str, text: str) -> int | float:
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    raise FlagError(f"{name} is {text!r}: pass a number")


_READERS: Mapping[Kind, Callable[[Any], Any]] = {
    "names": split_names,
    "bool or text": _bool_or_text,
    "window": _window,
    "filters": _filters,
    "pairs": _pairs,
}
