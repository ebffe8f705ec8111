"""A heat map of cohorts in the terminal, with one row for each cohort and one column for each period."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.cells import cell_len, set_cell_size
from rich.console import RenderableType
from rich.style import Style
from rich.text import Text

from adjust_async.cli.figures import Figures, Measure, period_number
from adjust_async.cli.terminal import format_cell, has_colours, is_percentage, terminal_width

__all__ = ["draw_heat_map"]

#: The periods that marketers look at first. They are kept if there is no room for all.
FIRST = (0, 1, 2, 3, 7, 14, 30, 4, 5, 6, 21, 28, 60, 90)

#: From pale to dark.
PALETTE = ((255, 255, 217), (199, 233, 180), (127, 205, 187), (65, 182, 196), (34, 94, 168), (8, 29, 88))
SHADES = " ░▒▓█"

#: Percentages below this get a decimal, and are then as wide as those above.
ONE_DECIMAL = 0.0995

#: The maximum width of a cohort's name in a narrow terminal.
LONGEST_NAME = 34

_Cells = Mapping[str, Mapping[int, float | None]]


def draw_heat_map(figures: Figures, *, to_file: bool = False) -> list[RenderableType]:
    """Return one heat map for each measured column of figures that have periods."""
    drawn: list[RenderableType] = []
    for measure in figures.measures:
        drawn += [*_draw(figures, measure, to_file=to_file), Text("")]
    return drawn[:-1]


def _draw(figures: Figures, measure: Measure, *, to_file: bool) -> list[RenderableType]:
    cells = _cells_of(figures, measure.column)
    percent = is_percentage(measure.column)
    periods = sorted({period for of_cohort in cells.values() for period in of_cohort})
    texts = {
        name: {period: _short(value, percent=percent) for period, value in of_cohort.items()}
        for name, of_cohort in cells.items()
    }
    widest = max((len(text) for of_cohort in texts.values() for text in of_cohort.values()), default=1)
    coloured = has_colours(to_file=to_file)
    width = max(widest, len(str(periods[-1])) if periods else 1) + (1 if coloured else 2)
    names = min(max(map(cell_len, cells), default=0), LONGEST_NAME)
    room = max(1, (terminal_width(to_file=to_file) - names - 1) // width)
    shown = _chosen(periods, room)
    heading = figures.heading()
    title = (
        f"{measure.column}{', %' if percent else ''} by {figures.unit} after install{f': {heading}' if heading else ''}"
    )
    lines: list[RenderableType] = [Text(title, style="bold")]
    head = "".join(f"{period:>{width - (0 if coloured else 1)}}{'' if coloured else ' '}" for period in shown)
    lines.append(Text(f"{' ' * names} {head}", style="dim"))
    most = _most(cells)
    for name, of_cohort in cells.items():
        line = Text(f"{set_cell_size(name, names)} ")
        for period in shown:
            text = texts[name].get(period, "")
            line.append(*_cell(text, of_cohort.get(period), most, width, coloured=coloured))
        lines.append(line)
    if left_out := len(periods) - len(shown):
        lines.append(Text(f"No room for {left_out} of {len(periods)} periods: --format csv has them.", style="dim"))
    return lines


def _cells_of(figures: Figures, column: str) -> _Cells:
    cells: dict[str, dict[int, float | None]] = {}
    for row in figures.rows:
        when = format_cell(figures.time, row.get(figures.time)) if figures.time else ""
        name = "  ".join(part for part in (when, figures.label(row)) if part) or "all"
        cells.setdefault(name, {})[period_number(row.get(figures.period or ""))] = row.get(column)
    return cells


def _chosen(periods: Sequence[int], room: int) -> list[int]:
    if len(periods) <= room:
        return list(periods)
    wanted = [period for period in FIRST if period in periods]
    wanted += [period for period in periods if period not in wanted]
    return sorted(wanted[:room])


def _most(cells: _Cells) -> float:
    """Return the value of the darkest cell. Period 0 is ignored if there are others: its 100 % would pale them all."""
    values = [
        value for of_cohort in cells.values() for period, value in of_cohort.items() if period > 0 and value is not None
    ]
    values = values or [value for of_cohort in cells.values() for value in of_cohort.values() if value is not None]
    return float(max(values, default=0)) or 1.0


def _short(value: float | None, *, percent: bool) -> str:
    if value is None:
        return ""
    if percent:
        return f"{value * 100:.1f}" if 0 < abs(value) < ONE_DECIMAL else f"{value * 100:.0f}"
    for limit, sign in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= limit:
            return f"{value / (1e3 if sign == 'k' else limit):.0f}{sign}"
    return (
        f"{value:.0f}" if value == int(value) or abs(value) >= 100 else f"{value:.2f}" if value < 10 else f"{value:.1f}"
    )


def _cell(text: str, value: float | None, most: float, width: int, *, coloured: bool) -> tuple[str, Any]:
    """Return a cell with its style; without colours, a shade follows the number."""
    share = 0.0 if value is None else min(max(float(value) / most, 0.0), 1.0)
    if not coloured:
        shade = SHADES[min(int(share * len(SHADES)), len(SHADES) - 1)]
        return f"{text:>{width - 1}}{shade}", ""
    if value is None:
        return " " * width, ""
    place = share * (len(PALETTE) - 1)
    low = min(int(place), len(PALETTE) - 2)
    rgb = [round(a + (b - a) * (place - low)) for a, b in zip(PALETTE[low], PALETTE[low + 1], strict=True)]
    light = rgb[0] * 0.3 + rgb[1] * 0.6 + rgb[2] * 0.1 > 140
    background = f"#{rgb[0]:02x}{rgb[1]:02x}{rgb[2]:02x}"
    return f"{text:>{width}}", Style(color="#000000" if light else "#ffffff", bgcolor=background)
