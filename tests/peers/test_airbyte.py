"""Airbyte's connector, which reads a stream of days from the Report Service's older path."""

import asyncio
import json
import os
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from adjust_async import AsyncAdjust
from adjust_async.emulator import Emulator

pytestmark = [
    pytest.mark.anyio,
    # The session that runs this creates an environment for it; the connector needs Python below 3.12.
    pytest.mark.skipif("AIRBYTE_PYTHON" not in os.environ, reason="the connector is not installed"),
]

RUNNER = Path(__file__).with_name("run_airbyte.py")

METRICS = ["installs", "clicks", "cost", "sessions"]
STREAM = {
    "stream": {
        "name": "AdjustReport",
        "json_schema": {"type": "object", "properties": {}},
        "supported_sync_modes": ["full_refresh", "incremental"],
        "source_defined_cursor": True,
        "default_cursor_field": ["day"],
    },
    "sync_mode": "incremental",
    "destination_sync_mode": "append",
}


async def read(folder: Path, emulator: Emulator, first: date) -> list[dict[str, Any]]:
    """Let the connector read every day from the first one, and return its messages."""
    config = {
        "api_token": emulator.token,
        "ingest_start": f"{first}T00:00:00Z",
        "metrics": METRICS,
        "additional_metrics": ["retention_rate_d1"],
        "dimensions": ["app_token", "country_code"],
        "until_today": True,
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "catalog.json").write_text(json.dumps({"streams": [STREAM]}))
    command = [os.environ["AIRBYTE_PYTHON"], str(RUNNER), f"{emulator.url}", "read", "--config", "config.json"]
    process = await asyncio.create_subprocess_exec(
        *command, "--catalog", "catalog.json", cwd=folder, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    return [json.loads(line) for line in output.splitlines()]


async def test_it_reads_a_stream_of_days(emulator: Emulator, adjust: AsyncAdjust, tmp_path: Path) -> None:
    """It sends one request for each day up to today, whose records are the rows of `adjust.reports` for those days."""
    today = emulator.today
    first = today - timedelta(days=6)
    messages = await read(tmp_path, emulator, first)
    records = [message["record"]["data"] for message in messages if message["type"] == "RECORD"]
    report = await adjust.reports.fetch(
        dimensions=["app_token", "country_code", "day"],
        metrics=[*METRICS, "retention_rate_d1"],
        date_period=(first, today),
    )
    rows = [row for part in report.parts for row in part.rows]
    assert rows
    expected = sorted(rows, key=lambda row: (row["day"], row["app_token"], row["country_code"]))
    assert [{key: record[key] for key in expected[0]} for record in records] == expected
    state = [message["state"]["stream"]["stream_state"] for message in messages if message["type"] == "STATE"]
    assert state[-1] == {"day": today.isoformat()}
    assert emulator.stats.requests["GET /control-center/reports-service/report"] == 7
