"""The README and the documentation are true: all their code runs."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adjust_async import AsyncAdjust
from adjust_async.emulator import Emulator
from tests.docs.blocks import PAGES, ROOT, Block, blocks_of
from tests.docs.running import run_python, steady, write_files

pytestmark = pytest.mark.anyio

SCRIPTS = [block for page in PAGES for block in blocks_of(page) if block.is_script]
MODULES = [
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


@pytest.mark.parametrize("block", MODULES, ids=lambda block: f"{block.page}-{block.title}")
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
        names: dict[str, object] = {"adjust": adjust, "emulator": account, "AsyncAdjust": AsyncAdjust}
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


def test_there_is_something_to_run() -> None:
    """The search for blocks finds those of the README, and none is in a language that nothing checks."""
    assert any(block.page == "README.md" for block in SCRIPTS)
    languages = {block.language for page in PAGES for block in blocks_of(page)}
    assert languages <= {"python", "sh", "text", "csv", "json", "toml", "yaml"}
