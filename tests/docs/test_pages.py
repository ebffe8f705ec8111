"""The README and the documentation are true: all their code runs."""

import asyncio
import csv
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adjust_async import AsyncAdjust
from adjust_async.emulator import Emulator
from tests.docs.blocks import MODULES as WITH_DOCSTRINGS, PAGES, ROOT, Block, blocks_of, count_fences
from tests.docs.running import run_python, steady, write_files

pytestmark = pytest.mark.anyio

SCRIPTS = [block for page in PAGES for block in blocks_of(page) if block.is_script]
IMPORTED = [
    block
    for page in PAGES
    for block in blocks_of(page)
    if block.language == "python" and block.title and not block.is_script
]
NOTEBOOKS = [page for page in PAGES if any(block.is_fragment for block in blocks_of(page))]
EXAMPLES = sorted(path.name for path in ROOT.glob("examples/*.py"))


@pytest.fixture
async def account() -> AsyncIterator[Emulator]:
    """An account that every page can use, with figures on every day."""
    async with Emulator() as running:
        yield running


@pytest.mark.parametrize("block", SCRIPTS, ids=lambda block: block.place)
async def test_a_script_runs_as_pasted(block: Block, account: Emulator, tmp_path: Path) -> None:
    """A script runs as a file, and prints the output below it."""
    for engine in ("dask", "dlt"):
        if f"adjust_async.integrations.{engine}" in block.code:
            pytest.importorskip(engine, reason=f"needs the extra {engine}, which `nox -s integrations` installs")
    write_files(blocks_of(block.page), tmp_path, account)
    name = block.title or "script.py"
    (tmp_path / name).write_text(block.for_account(account).code, encoding="utf-8")
    output = await run_python([name], tmp_path, account)
    assert output.strip()
    if block.output is not None:
        assert steady(output) == steady(block.output)


@pytest.mark.parametrize("block", IMPORTED, ids=lambda block: f"{block.page}-{block.title}")
async def test_a_file_can_be_imported(block: Block, account: Emulator, tmp_path: Path) -> None:
    """A file that is not a script can be imported, and its tests pass if it has any."""
    write_files(blocks_of(block.page), tmp_path, account)
    assert block.title
    if block.is_test:
        await run_python(
            ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio", block.title], tmp_path, account
        )
    else:
        module = block.title.removesuffix(".py").replace("/", ".")
        await run_python(["-c", f"import {module}"], tmp_path, account)


@pytest.mark.parametrize("page", NOTEBOOKS)
async def test_fragments_run_one_after_the_other(
    page: str, account: Emulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The fragments of a page run in order, as in a notebook that has an open client."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ADJUST_API_URL", account.url)
    monkeypatch.setenv("ADJUST_API_TOKEN", account.token)
    async with AsyncAdjust() as adjust:
        names: dict[str, object] = {"adjust": adjust, "AsyncAdjust": AsyncAdjust}
        for block in blocks_of(page):
            if block.is_fragment:
                waiting = eval(block.for_account(account).compiled(), names)
                if asyncio.iscoroutine(waiting):
                    await waiting


@pytest.mark.parametrize("name", EXAMPLES)
async def test_an_example_runs(name: str, account: Emulator, tmp_path: Path) -> None:
    """Each file of `examples` runs, and prints something."""
    output = await run_python([str(ROOT / "examples" / name)], tmp_path, account)
    assert output.strip()


def test_pages_are_found() -> None:
    """The search finds the README, and pages of each kind."""
    folders = {page.rpartition("/")[0] for page in PAGES}
    assert "README.md" in PAGES
    assert folders >= {"", "docs", "docs/tutorial", "docs/how-to", "docs/explanation", "docs/reference", "benchmarks"}
    assert any(block.page == "README.md" for block in SCRIPTS)


@pytest.mark.parametrize("page", [*PAGES, *WITH_DOCSTRINGS])
def test_every_fence_belongs_to_a_block(page: str) -> None:
    """Every block is found, however it is fenced or indented, and even without a language."""
    blocks = blocks_of(page)
    assert count_fences(page) == 2 * len(blocks) + 2 * sum(block.output is not None for block in blocks)


@pytest.mark.parametrize("block", [block for page in PAGES for block in blocks_of(page)], ids=lambda block: block.place)
def test_a_block_is_checked(block: Block) -> None:
    """Each block is run in exactly one way, or its language has a check of its own; text is shown only."""
    match block.language:
        case "python":
            assert [block.is_script, block in IMPORTED, block.is_fragment, block.is_foreign].count(True) == 1
            assert not block.is_foreign or block.page == "docs/how-to/migrating.md"  # the one that `tests/peers` runs
            block.compiled()
            assert max(map(len, block.code.splitlines())) <= 104  # the width of a page on a usual screen
        case "json":
            assert json.loads(block.code)
        case "csv":
            header, *rows = csv.reader(block.code.splitlines())
            assert rows
            assert {len(row) for row in rows} == {len(header)}
        case "yaml":
            assert all(re.fullmatch(r"\s*#.*|\w+: .+", line) for line in block.code.splitlines())
        case other:
            assert other in {"sh", "text"}  # `test_commands` checks those of the shell


def test_code_in_docstrings_compiles() -> None:
    """Code in a docstring compiles. It is not run, because it uses names that only its reader has."""
    for block in (block for module in WITH_DOCSTRINGS for block in blocks_of(module)):
        assert block.language == "python"
        block.compiled()
