"""Adds documents of the project (benchmarks, changes, contributing), and pages that `nav` does not list yet."""

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]

PAGES = {"benchmarks.md": "benchmarks/README.md", "changelog.md": "CHANGELOG.md", "contributing.md": "CONTRIBUTING.md"}


#: The folder of each section of `nav` that a new page joins by lying in it.
SECTIONS = {"How to": "how-to", "Explanation": "explanation", "Reference": "reference"}


def on_config(config: Any) -> Any:
    """Put the pages of a section's folder that are not listed behind those that are."""
    for section in config.nav:
        for title, pages in section.items():
            if title in SECTIONS:
                listed = {page if isinstance(page, str) else next(iter(page.values())) for page in pages}
                found = (ROOT / "docs" / SECTIONS[title]).glob("*.md")
                pages += sorted({f"{SECTIONS[title]}/{page.name}" for page in found} - listed)
    return config


def on_files(files: Files, config: Any, **_: Any) -> Files:
    """Add the pages, and the charts that they show."""
    for page, source in PAGES.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=_without_links_to_files(text)))
    for chart in (ROOT / "benchmarks" / "charts").glob("*.svg"):
        files.append(File.generated(config, f"charts/{chart.name}", content=chart.read_bytes()))
    return files


def _without_links_to_files(text: str) -> str:
    """Leave of a link to a file that is no page of the documentation its words alone."""
    return re.sub(r"(?<!!)\[([^\]]+)\]\((?!https?:|#)[^)]+\)", r"\1", text)
