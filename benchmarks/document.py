"""Writes what `results.json` has into `DOCUMENTS`, and draws the charts: `python -m benchmarks.document`.

Their prose is written by hand. What stands between `<!-- begin WHAT -->` and `<!-- end -->` in them is generated:

machine                                     what all was measured with
tables BENCHMARK                            a benchmark's charts and tables
figure BENCHMARK LATENCY COLUMN CONTENDER   one median, such as `figure pages 0.05 ratio adjust_async`
"""

import re
import statistics
from collections.abc import Mapping
from pathlib import Path

from benchmarks.drawing import charted, draw
from benchmarks.measuring import Listing, Measurement, amount, figures, listed
from benchmarks.results import Circumstances, Section, load

README = Path(__file__).parent / "README.md"
#: All that have figures of a run.
DOCUMENTS = (README, *(Path(__file__).parents[1] / name for name in ("README.md", "docs/performance.md")))
CHARTS = Path(__file__).parent / "charts"

GENERATED = re.compile(r"(<!-- begin ([^>]+?) -->)(.*?)(<!-- end -->)", re.DOTALL)


def rendered(text: str, sections: Mapping[str, Section]) -> str:
    """Put what was found into a document in place of what stands there."""

    def replacement(match: re.Match[str]) -> str:
        begin, what, _, end = match.groups()
        return begin + generated(what, sections) + end

    return GENERATED.sub(replacement, text)


def generated(what: str, sections: Mapping[str, Section]) -> str:
    """Give what belongs between two marks.

    Raises:
        ValueError: The mark is unknown.
    """
    kind, *arguments = what.split(maxsplit=4)
    match kind, arguments:
        case "machine", []:
            return f"\n\n{_machine(sections)}\n\n"
        case "tables", [benchmark]:
            return f"\n\n{_tables(sections[benchmark])}\n\n" if benchmark in sections else "\n\n(not measured yet)\n\n"
        case "figure", [benchmark, latency, column, contender]:
            return _figure(sections.get(benchmark), float(latency), column, contender)
        case _:
            raise ValueError(f"there is no such thing to generate: {what!r}")


def charts_of(sections: Mapping[str, Section]) -> dict[str, list[Measurement]]:
    """Choose what charts are drawn of, by the names of their files."""
    return {
        name: measurements for section in sections.values() for name, measurements in charted(section.found).items()
    }


def _machine(sections: Mapping[str, Section]) -> str:
    same: dict[str, list[str]] = {}
    for name, section in sections.items():
        same.setdefault(_told(section.circumstances), []).append(name)
    if len(same) == 1:
        return "\n\n".join(same)
    return "\n\n".join(f"{', '.join(names)}:\n\n{told}" for told, names in same.items())


def _told(circumstances: Circumstances) -> str:
    machine = circumstances.machine
    versions = ", ".join(f"{name} {version}" for name, version in circumstances.versions.items())
    lines = {
        "Machine": f"{machine['CPU']}, {machine['cores']} cores, {machine['OS']}",
        "Versions": versions,
        "Date": circumstances.date,
        "Command": f"`{circumstances.command}`",
    }
    return "\n".join(["| | |", "|---|---|", *(f"| {key} | {value} |" for key, value in lines.items())])


def _tables(section: Section) -> str:
    charts = [f"![{measured[0].title}](charts/{name}.svg)" for name, measured in charted(section.found).items()]
    return "\n\n".join([*charts, *map(_table, section.found)])


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


def _figure(section: Section | None, latency: float, column: str, contender: str) -> str:
    for found in section.found if section else ():
        if isinstance(found, Measurement) and found.latency == latency and contender in found.runs:
            return amount(statistics.median(figures(found, contender)[column]))
    return "?"


def main() -> None:
    """Render the documents, and draw the charts anew."""
    sections = load()
    CHARTS.mkdir(exist_ok=True)
    for chart in CHARTS.glob("*.svg"):
        chart.unlink()
    for name, measurements in charts_of(sections).items():
        (CHARTS / f"{name}.svg").write_bytes(draw(measurements))
    for document in DOCUMENTS:
        document.write_text(rendered(document.read_text(encoding="utf-8"), sections), encoding="utf-8")


if __name__ == "__main__":
    main()
