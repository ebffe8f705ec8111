"""The targets of the SDK, compared with the results of a run."""

import statistics
from typing import NamedTuple

from benchmarks.measuring import Measurement, amount, figures
from benchmarks.results import Results


class Figure(NamedTuple):
    """The median of one column of a contender.

    Attributes:
        benchmark: The benchmark's name.
        column: One of `measuring.COLUMNS`.
        contender: The contender.
        latency: Seconds; `None` if the benchmark has no server.
        title: The start, or a part, of the title, if the benchmark has several.
    """

    benchmark: str
    column: str
    contender: str
    latency: float | None = None
    title: str = ""

    def of(self, results: Results) -> float | None:
        """Return the figure if it was measured."""
        section = results.sections.get(self.benchmark)
        for found in section.found if section else ():
            if (
                isinstance(found, Measurement)
                and found.latency == self.latency
                and self.title in found.title
                and self.contender in found.runs
                and self.column in (there := figures(found, self.contender))
            ):
                return statistics.median(there[self.column])
        return None


class Target(NamedTuple):
    """A target.

    Attributes:
        what: What is compared.
        most: The largest value that reaches it.
        unit: The unit of the value.
        ours: The figure of the SDK.
        theirs: The figure by which it is divided, if any.
        missed: The reason if it is not reached.
    """

    what: str
    most: float
    unit: str
    ours: Figure
    theirs: Figure | None = None
    missed: str = ""

    def of(self, results: Results) -> float | None:
        """Return the value if its figures were measured."""
        ours = self.ours.of(results)
        if self.theirs is None or ours is None:
            return ours
        theirs = self.theirs.of(results)
        return ours / theirs if theirs else None


SDK, SDK_ON_AIOHTTP = "adjust_async", "adjust_async on aiohttp"
IDEAL = "× the ideal"

_BUSY = (
    "One core does all of the client's work. While it decodes one answer, the others wait, and each cursor that waits "
    "delays the page behind it."
)
_FIXED = "Retries, limits, and fifty checked records are added to the cost of any transport."
_CHECKS = (
    "Every cell or element is checked, and may have any grouping. The handwritten loop is for one structure, and fails "
    "with any other."
)
_STOPS = "The collector's full rounds stop the loop, and so does each piece that is decoded or turned into columns."
_LEVELS = "A tracker can be created only when the one above it exists."

TARGETS = (
    Target("Pages at 50 ms", 1.25, IDEAL, Figure("pages", "ratio", SDK, 0.05), missed=_BUSY),
    Target(
        "Pages at 50 ms: CPU a page",
        0.2,
        "× plain httpx",
        Figure("pages", "cpu", SDK, 0.05),
        Figure("pages", "cpu", "httpx", 0.05),
        _FIXED,
    ),
    Target("Pages at 50 ms, on aiohttp", 1.15, IDEAL, Figure("pages", "ratio", SDK_ON_AIOHTTP, 0.05), missed=_BUSY),
    Target(
        "Pages at 50 ms, on aiohttp: CPU a page",
        3.2,
        "× raw aiohttp",
        Figure("pages", "cpu", SDK_ON_AIOHTTP, 0.05),
        Figure("pages", "cpu", "aiohttp, orjson, no records", 0.05),
        _FIXED,
    ),
    Target("Pages at 200 ms", 1.06, IDEAL, Figure("pages", "ratio", SDK, 0.2), missed=_BUSY),
    Target("Pages at 200 ms, on aiohttp", 1.06, IDEAL, Figure("pages", "ratio", SDK_ON_AIOHTTP, 0.2), missed=_BUSY),
    Target("KPIs of 500 apps at 50 ms", 1.35, IDEAL, Figure("kpis", "ratio", SDK, 0.05), missed=_BUSY),
    Target("KPIs of 500 apps at 50 ms: CPU an app", 1.2, "ms", Figure("kpis", "cpu", SDK, 0.05), missed=_CHECKS),
    Target("KPIs, on aiohttp", 1.25, IDEAL, Figure("kpis", "ratio", SDK_ON_AIOHTTP, 0.05), missed=_BUSY),
    Target("KPIs, on aiohttp: CPU an app", 0.9, "ms", Figure("kpis", "cpu", SDK_ON_AIOHTTP, 0.05), missed=_CHECKS),
    Target(
        "KPIs, on aiohttp: time",
        1.0,
        "× httpx2 and a handwritten loop",
        Figure("kpis", "wall", SDK_ON_AIOHTTP, 0.05),
        Figure("kpis", "wall", "httpx2", 0.05),
        _CHECKS,
    ),
    *(
        Target(
            f"200,000 rows of a report into Arrow: {what}",
            most,
            "× by hand",
            Figure("large", column, "adjust_async, Report.from_json(...).to_arrow()", title="made an Arrow table"),
            Figure("large", column, "orjson, a cast for each column by hand", title="made an Arrow table"),
            _CHECKS,
        )
        for what, column, most in (("CPU", "cpu", 1.2), ("memory", "memory", 1.1))
    ),
    *(
        Target(
            f"200,000 KPI elements into rows: {what}",
            most,
            "× by hand",
            Figure("large", column, "adjust_async, rows() to a list", title="elements"),
            Figure("large", column, "orjson, a loop by hand to a list", title="elements"),
            _CHECKS,
        )
        for what, column, most in (("CPU", "cpu", 1.0), ("memory", "memory", 1.1))
    ),
    Target(
        "A report of 60 MB: longest stop of the loop",
        20,
        "ms",
        Figure("large", "stop", SDK, title="plain names"),
        missed=_STOPS,
    ),
    Target(
        "The same with emoji in it",
        20,
        "ms",
        Figure("large", "stop", SDK, title="emoji"),
        missed=_STOPS,
    ),
    Target(
        "2,000 windows: memory",
        1.1,
        "× one list a column",
        Figure("large", "memory", SDK, title="windows"),
        Figure("large", "memory", "aiohttp, orjson, one list a column", title="windows"),
    ),
    Target("Provisioning at 50 ms", 1.1, IDEAL, Figure("provisioning", "ratio", SDK, 0.05), missed=_LEVELS),
)


def reached(results: Results) -> str:
    """Return the table of all targets."""
    lines = ["| What | Target, at most | Measured | Reached |", "|---|---:|---:|---|"]
    for target in TARGETS:
        value = target.of(results)
        measured = "not measured" if value is None else amount(value)
        verdict = "" if value is None else "yes" if _is_reached(target, value) else "**no**"
        lines.append(f"| {target.what} | {target.most:g} {target.unit} | {measured} | {verdict} |")
    return "\n".join(lines)


def missed(results: Results) -> str:
    """Return the targets that were missed, by reason."""
    lines: dict[str, list[str]] = {}
    for target in TARGETS:
        value = target.of(results)
        if value is not None and not _is_reached(target, value):
            lines.setdefault(target.missed, []).append(target.what)
    told = [f"* {'; '.join(names)}.{f' {reason}' if reason else ''}" for reason, names in lines.items()]
    return "\n".join(told) or "All targets that were measured were reached."


def _is_reached(target: Target, value: float) -> bool:
    # The rounded value, so that no one reads 1.25 of 1.25 and "no".
    return float(amount(value).replace(",", "")) <= target.most
