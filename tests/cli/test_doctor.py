import asyncio
import csv
from io import StringIO
from pathlib import Path

from adjust_async import AsyncAdjust
from adjust_async.emulator import Faults
from tests.cli.shell import Finished, emulated


def answers(finished: Finished) -> dict[str, str]:
    """Return the results, by subject."""
    return {row["check"]: row["answer"] for row in csv.DictReader(StringIO(finished.out))}


def test_all_is_well() -> None:
    """Each API is checked, with its latency, and the token is not shown."""
    with emulated() as shell:
        finished = shell.invoke("doctor", "--format", "csv")
        table = shell.invoke("doctor")
    assert finished.status == table.status == 0
    apis = {"Campaign API v1", "Campaign API v2", "KPI Service", "Report Service"}
    assert {answers(finished)[api] for api in apis} == {"ok"}
    assert answers(finished)["token"] == "from ADJUST_API_TOKEN"
    for row in csv.DictReader(StringIO(finished.out)):
        assert row["check"] not in apis or (int(row["first_ms"]) >= 0 and int(row["again_ms"]) >= 0)
    assert shell.token not in finished.out + finished.err + table.out + table.err


def test_refused_token() -> None:
    """A refused token is status 3, and is not shown."""
    with emulated() as shell:
        finished = shell.invoke("doctor", "--format", "csv", ADJUST_API_TOKEN="wrong1234567")
    assert finished.status == 3
    assert answers(finished)["Campaign API v1"] == "the token is refused"
    assert "wrong1234567" not in finished.out + finished.err


def test_apis_that_do_not_answer() -> None:
    """A host that can't be reached, or fails, is status 4; an API that Adjust has switched off is not."""
    with emulated(apps=1) as shell:
        away = shell.invoke("doctor", "--format", "csv", "--api-url", "http://127.0.0.1:9")
        shell.emulator.app_states[shell.apps[0]] = "gone"
        gone = shell.invoke("doctor", "--format", "csv")
        shell.emulator.app_states[shell.apps[0]] = "forbidden"
        forbidden = shell.invoke("doctor", "--format", "csv")
        shell.emulator.faults = Faults(rate=1, kinds=["500"])
        failing = shell.invoke("doctor", "--format", "csv")
    assert (away.status, answers(away)["Report Service"]) == (4, "not reached")
    assert (gone.status, answers(gone)["KPI Service"]) == (0, "switched off by Adjust")
    assert (forbidden.status, answers(forbidden)["KPI Service"]) == (1, "no permission")
    assert (failing.status, answers(failing)["Campaign API v2"]) == (4, "failed with 500")


def test_proxies_and_certificates() -> None:
    """Proxy and certificates are named, the proxy's password is not."""
    with emulated() as shell:
        finished = shell.invoke(
            "doctor",
            "--format",
            "csv",
            ADJUST_API_URL="https://adjust.invalid",
            HTTPS_PROXY="http://user:s3cret@127.0.0.1:9",
            ADJUST_REPORTS_URL="https://reports.invalid",
            NO_PROXY="reports.invalid",
            SSL_CERT_FILE=None,
            SSL_CERT_DIR=None,
        )
    rows = {(row["check"], row["url"]): row["answer"] for row in csv.DictReader(StringIO(finished.out))}
    assert rows["proxy", "https://adjust.invalid"] == "http://127.0.0.1:9"
    assert answers(finished)["certificates"] == "certifi's"
    assert "s3cret" not in finished.out + finished.err


def test_the_url_of_an_emulator_in_a_container() -> None:
    """A host in `insecure_hosts` serves reports too, and its URL is shown for them, as the client uses it."""
    with emulated() as shell:
        finished = shell.invoke(
            "doctor",
            "--format",
            "csv",
            "--insecure-hosts",
            "emulator.invalid",
            ADJUST_API_URL="http://emulator.invalid:9",
            ADJUST_REPORTS_URL=None,
        )
    urls = {row["check"]: row["url"] for row in csv.DictReader(StringIO(finished.out))}
    assert urls["Report Service"] == "http://emulator.invalid:9"


def test_a_coordinator(tmp_path: Path) -> None:
    """The holder of an app's lock is named if there is a coordinator; one that can't be reached is status 4."""
    url = f"file://{tmp_path / 'shared.db'}"

    async def held() -> Finished:
        async with (
            AsyncAdjust(shell.token, api_url=shell.emulator.url, coordinator=url) as adjust,
            adjust._session.member.lock(shell.apps[0]),
        ):
            return await asyncio.to_thread(shell.invoke, "doctor", "--format", "csv", "--coordinator", url)

    with emulated(apps=1) as shell:
        finished = asyncio.run(held())
        away = shell.invoke("doctor", "--format", "csv", "--coordinator", "redis://127.0.0.1:9/0")
    rows = [row["answer"] for row in csv.DictReader(StringIO(finished.out)) if row["check"] == "coordinator"]
    assert any(shell.apps[0] in row for row in rows), rows
    assert away.status == 4
