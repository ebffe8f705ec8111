"""Tables and drawings that fit the terminal: long texts are cut, and columns without room are named below the table."""

import io
import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from adjust_async.cli.errors import one_line

__all__ = ["draw", "format_cell", "has_colours", "is_percentage", "table", "terminal_width"]

#: The width to which texts may be cut in a narrow terminal.
NARROWEST_TEXT = 14

#: The number of blanks between two columns.
GAP = 2

#: The width for files and pipes, where nothing is cut.
UNBOUNDED = 10_000

#: Smaller figures are shown with two significant digits instead of two decimals.
SMALL = 0.1

#: Name endings of figures that are shares of one.
_SHARES = ("rate", "share")


def terminal_width(*, to_file: bool = False) -> int:
    """Return the width of a line: that of the terminal, or `COLUMNS`, or unbounded."""
    if to_file:
        return UNBOUNDED
    if sys.stdout.isatty():
        return max(shutil.get_terminal_size().columns, 20)
    columns = os.environ.get("COLUMNS", "")
    return max(int(columns), 20) if columns.isdigit() and int(columns) else UNBOUNDED


def _console(*, to_file: bool) -> Console:
    terminal = sys.stdout.isatty() and not to_file
    return Console(
        file=io.StringIO(),
        width=terminal_width(to_file=to_file),
        force_terminal=True if terminal else False if to_file else None,
        highlight=False,
        markup=False,
        emoji=False,
    )


def has_colours(*, to_file: bool = False) -> bool:
    """Return whether drawings have colours."""
    console = _console(to_file=to_file)
    return console.color_system is not None and not console.no_color


def draw(*drawings: RenderableType, to_file: bool = False) -> bytes:
    """Render drawings for the terminal, in colours if it supports them and `NO_COLOR` is not set, or for a file.

    Plain texts are not wrapped.
    """
    console = _console(to_file=to_file)
    for drawing in drawings:
        console.print(drawing, crop=False, soft_wrap=isinstance(drawing, str))
    assert isinstance(console.file, io.StringIO)  # noqa: S101 - as it was made
    lines = (line.rstrip() for line in console.file.getvalue().rstrip("\n").split("\n"))
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "replace")


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, to_file: bool = False) -> list[RenderableType]:
    """Return a table as wide as the terminal. Columns without room are dropped from the end, and named below it."""
    cells = {name: [format_cell(name, row.get(name)) for row in rows] for name in columns}
    numeric = {name for name in columns if _is_numeric(row.get(name) for row in rows)}
    widths = {name: max(map(cell_len, (name, *texts))) for name, texts in cells.items()}
    least = {
        name: max(map(cell_len, (*_words(name), *cells[name]))) if name in numeric else min(width, NARROWEST_TEXT)
        for name, width in widths.items()
    }
    room = terminal_width(to_file=to_file)
    shown = list(columns)
    while len(shown) > 1 and sum(least[name] + GAP for name in shown) - GAP > room:
        shown.pop()
    room -= sum(least[name] + GAP for name in shown) - GAP
    drawn = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, GAP - 1, 0, 0))
    for name in shown:
        extra = min(room, widths[name] - least[name])
        room -= extra
        drawn.add_column(
            Text(_folded(name, least[name] + extra)),
            justify="right" if name in numeric else "left",
            no_wrap=True,
            overflow="ellipsis",
            width=least[name] + extra,
        )
    for place in range(len(rows)):
        drawn.add_row(*(Text(cells[name][place]) for name in shown))
    left_out = [name for name in columns if name not in shown]
    notes = [Text(f"No room for {', '.join(left_out)}: --format csv has them.", style="dim")] if left_out else []
    return [drawn, *notes]


def _words(name: str) -> list[str]:
    return [word for word in re.split("(?<=_)(?=.)", name) if word]


def _folded(name: str, width: int) -> str:
    """Break a long name into lines after underscores."""
    lines = [""]
    for word in _words(name):
        if lines[-1] and cell_len(lines[-1] + word) > width:
            lines.append("")
        lines[-1] += word
    return "\n".join(lines)


def format_cell(name: str, value: Any) -> str:
    """Format a cell for people: thousands separators, rates in percent, and nothing for a missing value."""
    if value is None or value == [] or value == {}:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return str(value) if name == "id" or name.endswith("_id") else f"{value:,}"
    if isinstance(value, (float, Decimal)):
        if is_percentage(name):
            return f"{value:.1%}"
        return f"{value:,.2f}" if not value or abs(float(value)) >= SMALL else f"{value:.2g}"
    if isinstance(value, (list, tuple)):
        return one_line(", ".join(map(str, value)))
    if isinstance(value, datetime):
        return value.isoformat(" ", "minutes")
    return one_line(str(value))


def is_percentage(name: str) -> bool:
    """Return whether a figure is a share of one, judging by its name: `retention_rate`, `retention_rate_d7`, `ctr`."""
    words = [word for word in name.lower().split("_") if word]
    while len(words) > 1 and words[-1][:1] in "dwm" and words[-1][1:].isdigit():
        words.pop()
    return words[-1:] != [] and words[-1] in (*_SHARES, "ctr")


def _is_numeric(values: Any) -> bool:
    found = [value for value in values if value is not None]
    return bool(found) and all(
        isinstance(value, (int, float, Decimal)) and not isinstance(value, bool) for value in found
    )
