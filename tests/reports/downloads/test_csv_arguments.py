"""Wrong arguments of CSV reports are refused before anything is sent."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from adjust_async import (
    AsyncAdjust,
    ClientClosedError,
    ConfigurationError,
    ServerError,
)
from adjust_async.emulator import Emulator
from tests.reports.downloads.csv_service import QUERY, files_of, rows_of
from tests.script import client, status

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.account(apps=3, trackers_per_app=40, facts_per_day=15),
    pytest.mark.usefixtures("quick_retries"),
]


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"readable_names": "yes"}, "readable_names is 'yes'"),
    ({"metrics": "installs"}, r"metrics is the text 'installs': pass a list, such as \['installs'\]"),
    ({"dimensions": []}, "dimensions is empty"),
    ({"date_period": None}, "date_period is missing"),
    ({"window": "day"}, "window is not a parameter of this kind of report"),
    ({"typo": 1}, "typo is not a parameter of a report"),
    ({"app_tokens": []}, "app_tokens is empty"),
    ({"app_tokens": "app", "filters": {"app_token__in": ["x"]}}, "filters holds 'app_token__in'"),
    ({"limit": 0}, "limit is 0"),
    ({"sort": "installs"}, "sort is the text"),
]


@pytest.mark.parametrize(
    ("query", "message"), [*WRONG, ({"exact": 1}, "exact is 1: pass True or False"), ({"path": "x"}, "path")], ids=str
)
async def test_wrong_arguments_are_refused_at_once(query: Any, message: str) -> None:
    """The call itself raises, before anything could be iterated or sent."""
    async with client(status(500)) as (adjust, script):
        with pytest.raises(ConfigurationError, match=message):
            adjust.reports.iter_csv(**QUERY | query)
        assert script.requests == []


@pytest.mark.parametrize(
    ("path", "query", "message"),
    [
        ("", {}, "path is ''"),
        (3, {}, "path is 3: pass the path of a file"),
        (".", {}, "which is a folder"),
        (Path(__file__).parent, {}, "which is a folder"),
        ("/no/such/folder/x.csv", {}, "there is no folder '/no/such/folder'"),
        ("x.csv", {"exact": True}, "exact is not a parameter of this kind of report"),
        ("x.csv", {"on_progress": "print"}, "on_progress is 'print': pass a plain function"),
        *(("x.csv", query, message) for query, message in WRONG),
    ],
    ids=str,
)
async def test_a_file_is_refused_before_anything_is_sent(
    path: Any, query: Any, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wrong arguments end the call before the report is requested, and leave no file."""
    monkeypatch.chdir(tmp_path)
    async with client(status(500)) as (adjust, script):
        with pytest.raises(ConfigurationError, match=message):
            await adjust.reports.download_csv(path, **QUERY | query)
        assert script.requests == []
    assert not list(tmp_path.iterdir())  # noqa: ASYNC240 - of the test's own folder


async def test_a_closed_client_yields_no_rows(tmp_path: Path) -> None:
    """After `aclose` neither rows nor files can be requested, and nothing is left of the attempt."""
    adjust = AsyncAdjust(
        "secret", http_client=httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(500)))
    )
    await adjust.aclose()
    with pytest.raises(ClientClosedError):
        await rows_of(adjust)
    with pytest.raises(ClientClosedError):
        await adjust.reports.download_csv(tmp_path / "x.csv", **QUERY)
    assert not files_of(tmp_path)


async def test_a_broken_app_fails_the_whole_report(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """One request is for all apps, so one that keeps failing fails them all, after the attempts."""
    emulator.app_states[emulator.app_tokens[1]] = "broken"
    async with AsyncAdjust(emulator.token, api_url=emulator.url, max_attempts=2) as impatient:
        with pytest.raises(ServerError):
            await rows_of(impatient, app_tokens=emulator.app_tokens)
    assert emulator.stats.total == 2
    assert not adjust._session.calls
