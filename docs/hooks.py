"""Adds documents of the project (benchmarks, changes, contributing), and pages that `nav` does not list."""

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]

PAGES = {"benchmarks.md": "benchmarks/README.md", "changelog.md": "CHANGELOG.md", "contributing.md": "CONTRIBUTING.md"}


#: The folder of each section of `nav`. A new page in it joins the section.
SECTIONS = {"How to": "how-to", "Explanation": "explanation", "Reference": "reference"}


def on_config(config: Any) -> Any:
    """Append the pages of a section's folder that `nav` does not list."""
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
        files.append(File.generated(config, page, content=_with_links_of_the_site(text)))
    for chart in (ROOT / "benchmarks" / "charts").glob("*.svg"):
        files.append(File.generated(config, f"charts/{chart.name}", content=chart.read_bytes()))
    return files


def _with_links_of_the_site(text: str) -> str:
    """Point links to pages of the documentation at these pages, and leave only the words of links to other files."""
    return re.sub(r"(?<!!)\[([^\]]+)\]\((?!https?:|#)([^)]+)\)", _link_on_the_site, text)


def _link_on_the_site(link: re.Match[str]) -> str:
    words, target = link.groups()
    pages = {source: page for page, source in PAGES.items()}
    page = pages.get(target) or target.removeprefix("docs/")
    return words if page == target else f"[{words}]({page})"
