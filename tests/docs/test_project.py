"""Files of the project that must agree do agree."""

import html
import io
import re
import tomllib
from collections.abc import Iterable

import pytest
from rich.console import Console

from adjust_async.cli import demo
from tests.docs.blocks import PAGES, ROOT, blocks_of

pytestmark = pytest.mark.anyio

CONFIGURATION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = CONFIGURATION["project"]
METADATA = CONFIGURATION["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]
PAGES_OF_THE_SITE = PROJECT["urls"]["Documentation"]


def test_the_readme_is_short_enough_to_be_read() -> None:
    """The README has at most 150 lines."""
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


def test_the_test_command_is_what_continuous_integration_runs() -> None:
    """`.ci/run` runs the README's last command, to the letter, and CONTRIBUTING names the same."""
    shell = [block.code.strip() for block in blocks_of("README.md") if block.language == "sh"]
    assert shell[0].endswith("adjust-async demo")
    assert (ROOT / ".ci/run").read_text(encoding="utf-8").splitlines()[-1] == shell[-1]
    assert shell[-1] in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    """Links and images of a page lead to files of the project."""
    text = (ROOT / page).read_text(encoding="utf-8")
    generated = {"benchmarks.md", "changelog.md", "contributing.md"}
    for target in re.findall(r"\]\((?!https?://|#)([^)#]+)|src=\"([^\"]+)", text):
        name = target[0] or target[1]
        assert ((ROOT / page).parent / name).exists() or name.removeprefix("../") in generated, name


def test_links_of_the_readme_work_on_a_package_index() -> None:
    """On a package index, links and images of the README are absolute, and lead to files that exist."""
    text, links = (ROOT / "README.md").read_text(encoding="utf-8"), re.compile(r"(?:\]\(|src=\")([^)\"]+)")
    count = len(links.findall(text))
    for substitution in METADATA["substitutions"]:
        text = re.sub(substitution["pattern"], substitution["replacement"].replace("$HFPR_VERSION", "1.2.3"), text)
    assert len(links.findall(text)) == count
    for link in links.findall(text):
        place = link.partition("#")[0]
        if place.startswith(f"{PAGES_OF_THE_SITE}en/stable/"):
            page = place.removeprefix(f"{PAGES_OF_THE_SITE}en/stable/").removesuffix("/")
            assert (ROOT / "docs" / f"{page}.md").exists() or (ROOT / "docs" / page / "index.md").exists(), link
        elif file := re.fullmatch(r"https://(?:raw\.)?github\S+/adjust_async/(?:blob/)?v1\.2\.3/(.+)", place):
            assert (ROOT / file[1]).exists(), link
        else:
            assert place == "https://www.adjust.com"


def test_the_matrix_is_the_same_everywhere() -> None:
    """Classifiers, the minimum Python version, and the forge's workflow name the same versions of Python."""
    supported = [
        version
        for name in PROJECT["classifiers"]
        if (version := name.removeprefix("Programming Language :: Python :: "))[:2] == "3." and version != "3"
    ]
    assert PROJECT["requires-python"] == f">={supported[0]}"
    workflow = (ROOT / ".github/workflows/check.yml").read_text(encoding="utf-8")
    listed = re.search(r"python: \[(.+)\]", workflow)
    assert listed
    assert re.findall(r"\d\.\d+", listed[1]) == supported
    for system in ("ubuntu", "windows", "macos"):
        assert f"{system}-latest" in workflow


def lines_of(svg: str) -> list[str]:
    """Return the words in a picture of a terminal, line by line."""
    lines: dict[str, list[str]] = {}
    for place, text in re.findall(r'<text [^>]*y="([\d.]+)"[^>]*>([^<]*)</text>', svg):
        lines.setdefault(place, []).append(html.unescape(text))
    return ["".join(parts) for parts in lines.values()]


def words_of(lines: Iterable[str]) -> list[list[str]]:
    """Return the text that is the same in each run of the demo: without figures, progress bars and rules."""
    words = [re.sub(r"[^A-Za-z :/{}()]+", " ", line).split() for line in lines]
    return [line for line in words if line]


@pytest.mark.slow
async def test_the_demo_was_recorded() -> None:
    """The picture in the README shows what the demo prints today, and loads nothing from other hosts."""
    picture = (ROOT / "docs/assets/demo.svg").read_text(encoding="utf-8")
    console = Console(width=96, file=io.StringIO(), record=True)
    await demo.run(console)
    printed = words_of(console.export_text().splitlines())
    assert words_of(lines_of(picture))[1:] == printed  # below the title of its window
    assert not re.search(r"(?:href|src|url\()\s*=?\s*[\"'(]?https?://", picture)
