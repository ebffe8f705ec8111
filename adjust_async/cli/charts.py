"""Charts of figures: lines over days, bars for categories, heat maps or curves for cohorts."""

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO, NamedTuple

import matplotlib
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from adjust_async.cli.figures import Figures, Measure, moment, period_number
from adjust_async.cli.terminal import format_cell, is_percentage

__all__ = ["draw_chart"]

#: The maximum numbers that can still be read in one chart.
MOST_PANELS = 6
MOST_SERIES = 8
MOST_BARS = 20
MOST_COHORTS = 60
LONGEST_LABEL = 36

#: Up to this many days, each one gets a label.
FEW_DAYS = 8

#: The palette of Okabe and Ito, which colour-blind people can distinguish.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#000000", "#999999")

#: The line styles of several periods of one name, which share a colour.
DASHES = ("-", "--", ":", "-.")

#: Lines with more points than this have no markers.
MOST_MARKERS = 62

#: Name endings of figures that are money.
MONEY = frozenset(("cost", "ecpc", "ecpi", "ecpm", "profit", "revenue", "spend", "arpdau", "arpu", "ltv"))

STYLE: Any = {
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": "#dddddd",
    "axes.axisbelow": True,
    "legend.frameon": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "adjust-async",
}

#: A panel's title and its measured columns, which are one figure for several periods.
_Panel = tuple[str, list[Measure]]

#: Draws a panel. The dictionary maps names to colours, so that a name has the same colour in all panels.
_Manner = Callable[[Axes, Figures, list[Measure], dict[str, int]], None]


class _Series(NamedTuple):
    """A line: its label, its points, and what its colour and dashes stand for."""

    label: str
    points: list[tuple[Any, float]]
    name: str
    dashes: int = 0


def draw_chart(figures: Figures, file: BinaryIO, format: str, *, currency: str = "", days: str = "") -> None:
    """Draw a chart as PNG or SVG.

    Args:
        figures: The figures to draw.
        file: The file to write.
        format: `png` or `svg`.
        currency: The currency of money, if it is known.
        days: The requested days, for the title.
    """
    panels = _panels(figures)
    draw, height = _manner(figures, panels)
    colours: dict[str, int] = {}
    with matplotlib.rc_context(STYLE), warnings.catch_warnings():
        # Characters that the font lacks, such as emoji in names, are drawn as boxes.
        warnings.simplefilter("ignore", UserWarning)
        figure = Figure(figsize=(10, 0.9 + height * len(panels)), dpi=140, layout="constrained")
        axes = figure.subplots(len(panels), 1, squeeze=False)[:, 0]
        for (name, measures), ax in zip(panels, axes, strict=True):
            draw(ax, figures, measures, colours)
            ax.set_title(_label(_title_of(name, currency)))
        figure.suptitle(_label(_title(figures, panels, days), 110), x=0.01, ha="left", fontsize=13, fontweight="bold")
        figure.savefig(file, format=format, metadata={"Date": None} if format == "svg" else None)


def _panels(figures: Figures) -> list[_Panel]:
    panels: dict[str, list[Measure]] = {}
    for measure in figures.measures:
        panels.setdefault(measure.base, []).append(measure)
    return list(panels.items())[:MOST_PANELS]


def _manner(figures: Figures, panels: Sequence[_Panel]) -> tuple[_Manner, float]:
    """Return the function that draws a panel, and the height of each panel in inches."""
    if figures.period:
        if figures.time:
            cohorts = {(row.get(figures.time or ""), figures.label(row)) for row in figures.rows}
            return _heat_map, max(3.0, min(len(cohorts), MOST_COHORTS) * 0.24 + 1)
        return _curves, 3.4
    if figures.time:
        return _lines, 3.2
    if all(len({measure.period for measure in measures}) > 2 for _, measures in panels):
        return _curves, 3.4
    widest = max(len(measures) for _, measures in panels)
    return _bars, max(2.2, min(len(figures.rows), MOST_BARS) * (0.16 + 0.12 * widest) + 0.8)


def _lines(ax: Axes, figures: Figures, measures: list[Measure], colours: dict[str, int]) -> None:
    time = figures.time or ""
    given = [row.get(time) for row in figures.rows if row.get(time) is not None]
    moments = {when: moment(when) for when in given}
    known = None not in moments.values()
    series: dict[str, _Series] = {}
    for row in figures.rows:
        for measure in measures:
            value, when = row.get(measure.column), row.get(time)
            if value is not None and when is not None:
                name, age = figures.label(row), _age(measure) if len(measures) > 1 else ""
                label = " · ".join(filter(None, (name, age)))
                one = series.setdefault(label, _Series(label, [], name, measures.index(measure)))
                one.points.append((moments[when] if known else format_cell(time, when), float(value)))
    for one in series.values() if known else ():
        one.points.sort(key=lambda point: str(point[0]))
    _plot(ax, list(series.values()), colours, marker="o" if len(moments) <= MOST_MARKERS else None)
    if known:
        # Untyped in matplotlib.
        locators: Any = AutoDateLocator
        formatters: Any = ConciseDateFormatter
        locator = locators(maxticks=10)
        ax.xaxis.set_major_locator(locator)
        ax.xaxis.set_major_formatter(formatters(locator, show_offset=False))
        if len(moments) <= FEW_DAYS:  # the default locator would show hours between them
            days: Any = sorted(set(moments.values()), key=str)
            ax.set_xticks(days, [format_cell(time, day) for day in days])
    _format(ax.yaxis, measures)
    ax.set_ylim(bottom=min([0.0, *(value for one in series.values() for _, value in one.points)]))


def _curves(ax: Axes, figures: Figures, measures: list[Measure], colours: dict[str, int]) -> None:
    """Draw one curve for each group over the time since the install."""
    series: dict[str, _Series] = {}
    for row in figures.rows:
        label = figures.label(row)
        points = series.setdefault(label, _Series(label, [], label)).points
        for measure in measures:
            value = row.get(measure.column)
            period = measure.period if figures.period is None else period_number(row.get(figures.period))
            if value is not None and period is not None:
                points.append((period, float(value)))
    for one in series.values():
        one.points.sort()
    _plot(ax, list(series.values()), colours, marker="o")
    ax.set_xlabel(f"{_unit(figures, measures)}s after install")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    _format(ax.yaxis, measures)
    ax.set_ylim(bottom=min([0.0, *(value for one in series.values() for _, value in one.points)]))


def _plot(ax: Axes, series: list[_Series], colours: dict[str, int], *, marker: str | None) -> None:
    series = [one for one in series if one.points]
    drawn = sorted(series, key=lambda one: -sum(abs(value) for _, value in one.points))[:MOST_SERIES]
    drawn.sort(key=lambda one: (one.dashes, colours.setdefault(one.name, len(colours))))
    for one in drawn:
        xs, ys = zip(*one.points, strict=True)
        ax.plot(
            xs,
            ys,
            color=COLOURS[colours[one.name] % len(COLOURS)],
            linestyle=DASHES[one.dashes % len(DASHES)],
            marker=marker,
            markersize=3,
            linewidth=1.6,
            label=_label(one.label) or None,
        )
    if any(one.label for one in drawn):
        left_out = len(series) - len(drawn)
        title = f"{len(drawn)} largest of {len(series)}" if left_out else None
        ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=9, title=title, alignment="left")


def _bars(ax: Axes, figures: Figures, measures: list[Measure], _: dict[str, int]) -> None:
    first = figures.measures[0].column
    rows = sorted(figures.rows, key=lambda row: -(row.get(first) or 0))[:MOST_BARS]
    labels = [_label(figures.label(row)) or "all" for row in rows]
    height = 0.8 / len(measures)
    for number, measure in enumerate(measures):
        places = [place + number * height for place in range(len(rows))]
        values = [float(row.get(measure.column) or 0) for row in rows]
        age = _age(measure) if len(measures) > 1 else None
        bars = ax.barh(places, values, height * 0.92, color=COLOURS[number % len(COLOURS)], label=age)
        texts = ["" if row.get(measure.column) is None else _text(measure, row[measure.column]) for row in rows]
        ax.bar_label(bars, texts, padding=3, fontsize=8)
    ax.set_yticks([place + (len(measures) - 1) * height / 2 for place in range(len(rows))], labels)
    ax.invert_yaxis()
    ax.margins(x=0.12, y=0.01)
    ax.grid(axis="y", visible=False)
    ax.grid(axis="x", visible=True)
    _format(ax.xaxis, measures)
    if len(measures) > 1:
        ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=9)
    if len(figures.rows) > len(rows):
        ax.set_xlabel(f"the {len(rows)} with the most {first.replace('_', ' ')} of {len(figures.rows)}")


def _heat_map(ax: Axes, figures: Figures, measures: list[Measure], _: dict[str, int]) -> None:
    measure = measures[0]
    cells: dict[str, dict[int, float]] = {}
    for row in figures.rows:
        name = "  ".join(
            filter(None, (format_cell(figures.time or "", row.get(figures.time or "")), figures.label(row)))
        )
        value = row.get(measure.column)
        if value is not None:
            cells.setdefault(name, {})[period_number(row.get(figures.period or ""))] = float(value)
    names = list(cells)[:MOST_COHORTS]
    periods = sorted({period for name in names for period in cells[name]})
    later = [value for name in names for period, value in cells[name].items() if period > 0]
    grid = [[cells[name].get(period, float("nan")) for period in periods] for name in names]
    image: Any = ax.imshow(
        grid, aspect="auto", cmap="YlGnBu", vmin=min([0.0, *later]), vmax=max(later, default=1.0) or 1.0
    )
    ax.set_yticks(range(len(names)), [_label(name) for name in names])
    step = max(1, len(periods) // 31)
    ax.set_xticks(range(0, len(periods), step), [str(period) for period in periods[::step]])
    ax.set_xlabel(f"{_unit(figures, measures)}s after install")
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    bar = ax.figure.colorbar(image, ax=ax, pad=0.01)
    bar.outline.set_visible(False)
    _format(bar.ax.yaxis, measures)
    if len(names) * len(periods) <= 500:
        _write_values(ax, grid, measure, image.norm)


def _write_values(ax: Axes, grid: Sequence[Sequence[float]], measure: Measure, norm: Callable[[float], float]) -> None:
    for y, line in enumerate(grid):
        for x, value in enumerate(line):
            if not math.isnan(value):
                text = f"{value * 100:.0f}" if is_percentage(measure.column) else _text(measure, value)
                ax.text(x, y, text, ha="center", va="center", fontsize=7, color="w" if norm(value) > 0.55 else "k")


def _format(axis: Any, measures: Sequence[Measure]) -> None:
    axis.set_major_formatter(FuncFormatter(lambda value, _: _text(measures[0], value)))


def _text(measure: Measure, value: float) -> str:
    if is_percentage(measure.column):
        return f"{value * 100:.3g}%"
    for limit, sign in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= limit:
            return f"{value / (1e3 if sign == 'k' else limit):,.4g}{sign}"
    return f"{value:,.0f}" if value == int(value) else f"{value:,.2f}"


def _age(measure: Measure) -> str:
    return "" if measure.period is None else f"{measure.unit} {measure.period}"


def _unit(figures: Figures, measures: Sequence[Measure]) -> str:
    return measures[0].unit or figures.unit


def _title_of(name: str, currency: str) -> str:
    """Return the title of a panel: the figure with its unit."""
    title = name.replace("_", " ")
    if is_percentage(name):
        return f"{title} (%)"
    return f"{title} ({currency or 'the currency of the account'})" if name.split("_")[-1] in MONEY else title


def _title(figures: Figures, panels: Sequence[_Panel], days: str) -> str:
    names = ", ".join(name.replace("_", " ") for name, _ in panels[:3])
    if more := len({measure.base for measure in figures.measures}) - min(len(panels), 3):
        names += f" and {more} more"
    keys = [
        name.removesuffix("_name").replace("_", " ")
        for name in ([figures.time] if figures.time else []) + [*figures.keys]
    ]
    by = f" by {' and '.join(keys)}" if keys else ""
    heading = ", ".join(filter(None, (figures.heading(), days)))
    return f"{names}{by}{f' — {heading}' if heading else ''}"


def _label(text: str, longest: int = LONGEST_LABEL) -> str:
    """Return a label cut to `longest` characters, with `$` escaped, which would start a formula."""
    text = text if len(text) <= longest else f"{text[: longest - 1]}…"
    return text.replace("$", r"\$")
