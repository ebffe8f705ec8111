"""Charts of measurements: how far each contender is from the ideal at each latency, and its CPU time."""

import io
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.measuring import Listing, Measurement, amount, figures

OURS, OTHERS, TEXT = "#0969da", "#b6bec8", "#1f2328"
TICKS = (1, 2, 5, 10, 20, 50, 100, 200, 500)


def charted(found: Sequence[Measurement | Listing]) -> dict[str, list[Measurement]]:
    """Return the measurements for each chart, by its name: races with an ideal, with all latencies in one chart."""
    charts: dict[tuple[str, str], list[Measurement]] = {}
    for one in found:
        if isinstance(one, Measurement) and one.ideal and len(one.runs) > 1:
            charts.setdefault((one.benchmark, one.title), []).append(one)
    names: dict[str, list[Measurement]] = {}
    for (benchmark, _), measurements in charts.items():
        number = sum(name.partition("-")[0] == benchmark for name in names)
        names[f"{benchmark}-{number + 1}" if number else benchmark] = measurements
    return names


def draw(measurements: Sequence[Measurement], form: str = "svg") -> bytes:
    """Draw one chart: a panel for each latency, and one for the CPU time at the middle one of them.

    Bars of ratios are on a logarithmic scale that begins at 1, which is the ideal. The same measurements always produce
    the same bytes.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    names = list(measurements[0].runs)
    settings: dict[Any, Any] = {
        "svg.hashsalt": "benchmarks",
        "svg.fonttype": "none",
        "font.size": 9,
        "text.color": TEXT,
    }
    with mpl.rc_context(settings):
        figure = Figure(figsize=(2.2 + 1.9 * (len(measurements) + 1), 1.1 + 0.3 * len(names)), layout="constrained")
        panels: list[Any] = list(figure.subplots(1, len(measurements) + 1, sharey=True))
        ratios = [_medians(measurement, "ratio") for measurement in measurements]
        furthest = max(value for values in ratios for value in values.values())
        for panel, measurement, values in zip(panels, measurements, ratios, strict=False):
            _bars(panel, names, values, left=1)
            panel.set_xscale("log")
            panel.set_xlim(1, furthest * 3)
            panel.set_xticks([tick for tick in TICKS if tick < furthest * 3], minor=False)
            panel.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
            panel.minorticks_off()
            panel.set_title(f"{(measurement.latency or 0) * 1000:g} ms: times the ideal", fontsize=9, loc="left")
            panel.set_xlabel("logarithmic, 1 is the ideal", fontsize=8)
        middle = measurements[len(measurements) // 2]
        times = _medians(middle, "cpu")
        _bars(panels[-1], names, times, left=0)
        panels[-1].set_xlim(0, max(times.values()) * 1.4)
        panels[-1].set_title(f"CPU per {middle.unit}, ms", fontsize=9, loc="left")
        panels[-1].set_xlabel(f"at {(middle.latency or 0) * 1000:g} ms", fontsize=8)
        panels[0].set_yticks(range(len(names)), names)
        panels[0].invert_yaxis()
        for label, name in zip(panels[0].get_yticklabels(), names, strict=True):
            label.set_fontweight("bold" if _is_ours(name) else "normal")
        drawn = io.BytesIO()
        figure.savefig(drawn, format=form, metadata={"Date": None} if form == "svg" else None, dpi=110)
    return drawn.getvalue()


def _medians(measurement: Measurement, column: str) -> dict[str, float]:
    return {name: statistics.median(figures(measurement, name)[column]) for name in measurement.runs}


def _bars(panel: Any, names: Sequence[str], values: Mapping[str, float], *, left: float) -> None:
    for place, name in enumerate(names):
        if name in values:
            ours = _is_ours(name)
            panel.barh(place, values[name] - left, left=left, height=0.62, color=OURS if ours else OTHERS)
            panel.annotate(
                amount(values[name]),
                (max(values[name], left), place),
                xytext=(3, 0),
                textcoords="offset points",
                verticalalignment="center",
                fontweight="bold" if ours else "normal",
            )
    panel.spines[["top", "right"]].set_visible(False)
    panel.tick_params(axis="y", length=0)


def _is_ours(name: str) -> bool:
    return name.startswith("adjust_async")
