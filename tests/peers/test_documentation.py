"""The migration page shows other clients truthfully: its code for them runs, too."""

import asyncio
import json
from typing import Any

import pytest
import requests

from adjust_async.emulator import Emulator
from tests.docs.blocks import Block, blocks_of

pytestmark = pytest.mark.anyio

PAGE = "docs/how-to/migrating.md"
BLOCKS = [block for block in blocks_of(PAGE) if block.is_foreign]


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.place)
async def test_their_code_runs(
    block: Block, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each block runs against the emulator, although their code has no setting for its address, and prints figures."""
    get = requests.get

    def redirected(url: str, **arguments: Any) -> requests.Response:
        return get(url.replace("https://api.adjust.com", emulator.url), timeout=30, **arguments)

    monkeypatch.setattr(requests, "get", redirected)
    await asyncio.to_thread(exec, block.for_account(emulator).compiled(), {})
    assert capsys.readouterr().out.strip()


def test_there_is_code_of_both() -> None:
    """Both clients are shown."""
    assert len(BLOCKS) == 2


def test_the_configuration_of_airbyte_is_one() -> None:
    """The page's Airbyte settings are those that `test_airbyte` runs the connector with."""
    [block] = [block for block in blocks_of(PAGE) if block.language == "json"]
    settings = {"api_token", "ingest_start", "metrics", "additional_metrics", "dimensions", "until_today"}
    assert set(json.loads(block.code)) == settings
