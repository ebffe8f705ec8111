"""Writes the README from `results.json`, and draws the charts: `python -m benchmarks.document`.

The prose is in `README.template.md`, where generated parts are written as `{{ WHAT }}`:

machine                                     the machine, the commit and the versions
targets                                     the targets, and whether they were reached
missed                                      the targets that were missed, and why
tables BENCHMARK                            a benchmark's charts and tables
figure BENCHMARK LATENCY COLUMN CONTENDER   one median, such as `figure pages 0.05 ratio adjust_async`
"""

import re
from collections.abc import Mapping
from pathlib import Path

from benchmarks.drawing import charted, draw
from benchmarks.measuring import Listing, Measurement, amount, listed
from benchmarks.results import Results, load
from benchmarks.targets import Figure, missed, reached

README = Path(__file__).parent / "README.md"
TEMPLATE = Path(__file__).parent / "README.template.md"
CHARTS = Path(__file__).parent / "charts"

BUSY = (
    "**The machine had other work to do when this run began.** The times say little about the clients, and the CPU "
    "times are longer than on a quiet machine."
)

PLACE = re.compile(r"\{\{ (.+?) \}\}")

NOTICE = "<!-- Written by `python -m benchmarks.document`: change README.template.md in place of this. -->\n\n"


def readme(results: Results) -> str:
    """Return the text of the README."""
    return NOTICE + rendered(TEMPLATE.read_text(encoding="utf-8"), results)


def rendered(template: str, results: Results) -> str:
    """Fill a template with the results."""
    return PLACE.sub(lambda match: generated(match[1], results), template)


def generated(what: str, results: Results) -> str:
    """Return the text for one place in a template.

    Raises:
        ValueError: The place is unknown.
    """
    kind, *arguments = what.split(maxsplit=4)
    match kind, arguments:
        case "machine", []:
            return _machine(results)
        case "targets", []:
            return reached(results)
        case "missed", []:
            return missed(results)
        case "tables", [benchmark]:
            return _tables(results, benchmark)
        case "figure", [benchmark, latency, column, contender]:
            value = Figure(benchmark, column, contender, float(latency)).of(results)
            return "not measured" if value is None else amount(value)
        case _:
            raise ValueError(f"there is nothing to generate by {what!r}")


def charts_of(results: Results) -> Mapping[str, list[Measurement]]:
    """Return the measurements for each chart, by the name of its file."""
    return {
        name: measurements
        for section in results.sections.values()
        for name, measurements in charted(section.found).items()
    }


def _machine(results: Results) -> str:
    told = results.circumstances
    took = sum(section.seconds for section in results.sections.values())
    lines = {
        "Machine": f"{told.machine['CPU']}, {told.machine['cores']} cores, {told.machine['memory']} of memory",
        "System": f"{told.machine['OS']}, load {told.load} when it began",
        "Versions": ", ".join(f"{name} {version}" for name, version in told.versions.items()),
        "Commit": f"`{told.commit}`",
        "Date": f"{told.date}, {took / 60:.0f} minutes",
        "Command": ", then ".join(f"`{command}`" for command in told.commands),
    }
    table = "\n".join(["| | |", "|---|---|", *(f"| {key} | {value} |" for key, value in lines.items())])
    return f"{table}\n\n{BUSY}" if told.is_busy else table


def _tables(results: Results, benchmark: str) -> str:
    section = results.sections.get(benchmark)
    if section is None:
        return "Not measured in this run."
    charts = [f"![{measured[0].title}](charts/{name}.svg)" for name, measured in charted(section.found).items()]
    failed = [f"**It ended before its end:** {_cell(section.failure)}"] if section.failure else []
    return "\n\n".join([*charts, *map(_table, section.found), *failed])


def _table(found: Measurement | Listing) -> str:
    listing = found if isinstance(found, Listing) else listed(found)
    rows = [
        listing.columns,
        ["---", *("---:" for _ in listing.columns[1:])],
        *([f"**{first}**" if first.startswith("adjust_async") else first, *cells] for first, *cells in listing.rows),
    ]
    table = "\n".join(f"| {' | '.join(map(_cell, row))} |" for row in rows)
    return "\n\n".join([f"{listing.title}:", table, *([listing.note] if listing.note else [])])


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


def main() -> None:
    """Write the README, and draw all charts."""
    results = load()
    if results is None:
        raise SystemExit("there is no results.json: run `python -m benchmarks`")
    README.write_text(readme(results), encoding="utf-8")
    CHARTS.mkdir(exist_ok=True)
    for chart in CHARTS.glob("*.svg"):
        chart.unlink()
    for name, measurements in charts_of(results).items():
        (CHARTS / f"{name}.svg").write_bytes(draw(measurements))


if __name__ == "__main__":
    main()
