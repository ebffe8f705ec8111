import asyncio
import re
import shutil
from importlib.resources import files
from pathlib import Path

import httpx
import pytest

from adjust_async.emulator import EmulatedApp, Emulator
from adjust_async.emulator.control import api
from tests.emulator.requests import connect, trackers_path

pytestmark = pytest.mark.anyio

APP = "yxs12pfewq"
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


async def rendered(url: str, folder: Path) -> str:
    """Open a page in a headless browser, let its script run, and return its content."""
    assert BROWSER is not None
    process = await asyncio.create_subprocess_exec(
        BROWSER, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-proxy-server",
        f"--user-data-dir={folder}", "--virtual-time-budget=4000", "--dump-dom", url,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    output, _ = await asyncio.wait_for(process.communicate(), timeout=60)
    return output.decode()


async def test_one_file(emulator: Emulator) -> None:
    """The page is one file that loads nothing from elsewhere, and contains nothing of the account."""
    async with httpx.AsyncClient(base_url=emulator.url, verify=False, trust_env=False) as client:
        response = await client.get("/_emulator/")
        assert (await client.get("/_emulator")).text == response.text
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert not re.search(r"(src|href)=|https?://", response.text)
    assert emulator.token not in response.text


@pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")
async def test_in_a_browser(tmp_path: Path) -> None:
    """A browser shows apps, trackers, the last requests and statistics, and never runs sent text as code."""
    emulator = Emulator(apps=[EmulatedApp(APP, "My Game")], trackers={APP: ["AppLovin::Spring"]})
    async with emulator, connect(emulator) as client:
        emulator.faults = [None, "429"]
        markup = "<img src=x onerror=document.title=1>"
        for _ in range(2):
            await client.post(trackers_path(emulator), json={"name": markup})
        shown = await rendered(f"{emulator.url}/_emulator/#{emulator.token}", tmp_path)
        for text in "My Game", "AppLovin::Spring", f"POST /public/v1/apps/{APP}/trackers", "wrong-tracker", "a script":
            assert text in shown
        assert markup not in shown
        assert "&lt;img src=x" in shown
        assert "<title>Adjust emulator</title>" in shown
        assert re.search(r"<b>2</b>requests", shown)
        assert emulator.stats.total == 2


PRESS = """
<script>
setTimeout(() => { for (const kind of ["429", "503-after"])
  document.querySelector(`#kinds input[value="${kind}"]`).click(); at("rate").value = 0.4; }, 1500);
setTimeout(() => document.querySelector("#faults button").click(), 1800);
</script>
"""


@pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")
async def test_switching_faults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The boxes and buttons of the page switch faults."""
    page = (files("adjust_async.emulator.control") / "page.html").read_text() + PRESS
    (tmp_path / "page.html").write_text(page)
    monkeypatch.setattr(api, "files", lambda _: tmp_path)
    async with Emulator(apps=1, trackers_per_app=0) as emulator:
        shown = await rendered(f"{emulator.url}/_emulator/#{emulator.token}", tmp_path / "profile")
        assert emulator.faults is not None
        assert (emulator.faults.rate, emulator.faults.kinds) == (0.4, ("429", "503-after"))
        assert "40 % of the requests: 429, 503-after" in shown


@pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")
async def test_without_the_token(emulator: Emulator, tmp_path: Path) -> None:
    """Without the token, or with a wrong one, the page asks for it and shows nothing."""
    for fragment, words in ("", "give the API token"), ("#guess", "not this emulator's"):
        shown = await rendered(f"{emulator.url}/_emulator/{fragment}", tmp_path)
        assert words in shown
        assert '<main id="main" hidden' in shown
        assert emulator.app_tokens[0] not in shown
