import asyncio
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import httpx
import pytest

from adjust_async.emulator import Emulator
from tests.emulator.requests import connect, trackers_path

PARTNERS = "/public/v1/partners"


def get(emulator: Emulator, path: str = PARTNERS) -> httpx.Response:
    """Get a path, blocking."""
    headers = {"Authorization": f"Bearer {emulator.token}"}
    return httpx.get(emulator.url + path, headers=headers, verify=False, trust_env=False)


def test_blocking_code() -> None:
    """`with` serves blocking code from a thread of its own, which is gone afterwards."""
    threads = set(threading.enumerate())
    emulator = Emulator(apps=1, trackers_per_app=0)
    for _ in range(2):
        with emulator:
            assert get(emulator).status_code == 200
            assert emulator.stats.total >= 1
            assert set(threading.enumerate()) > threads
        assert set(threading.enumerate()) == threads
        with pytest.raises(RuntimeError, match="not running"):
            _ = emulator.url


def test_properties_can_be_set_from_another_thread() -> None:
    """Every property may be set and read from the thread of the test, and holds from the next request."""
    with Emulator(apps=1, trackers_per_app=3) as emulator:
        emulator.faults = ["503"]
        assert [get(emulator).status_code for _ in range(2)] == [503, 200]
        emulator.latency = 0.05
        start = time.monotonic()
        get(emulator)
        assert time.monotonic() - start >= 0.05
        emulator.latency = 0
        emulator.app_states[emulator.app_tokens[0]] = "gone"
        assert get(emulator, f"/kpis/v1/{emulator.app_tokens[0]}").status_code == 410
        assert emulator.stats.faults == {"503": 1}
        assert emulator.store.count_trackers() == len(emulator.store.trackers()) == 3
        assert len(emulator.requests) == 4


def test_restart(tmp_path: Path) -> None:
    """Blocking code restarts it by asyncio.run; another loop may await it."""
    with Emulator(apps=1, trackers_per_app=0, database=tmp_path / "adjust.db") as emulator:
        url = emulator.url
        asyncio.run(emulator.restart(0))
        assert emulator.url == url
        assert get(emulator).status_code == 200
        emulator.reset()
        assert get(emulator).status_code == 200


def test_entered_once() -> None:
    """It can not be entered twice at once, in whatever way, nor left in another way than it was entered."""
    with Emulator(apps=1, trackers_per_app=0) as emulator:
        with pytest.raises(RuntimeError, match="running already"):
            emulator.__enter__()
        assert get(emulator).status_code == 200
    with pytest.raises(RuntimeError, match="was not entered by `with`"):
        emulator.__exit__(None, None, None)


def test_a_start_that_fails(tmp_path: Path) -> None:
    """An error of the start is raised to the caller, and leaves no thread behind."""
    threads = set(threading.enumerate())
    with pytest.raises(Exception, match="unable to open"):
        Emulator(database=tmp_path / "nowhere" / "adjust.db").__enter__()
    assert set(threading.enumerate()) == threads


@pytest.mark.anyio
async def test_next_to_a_loop() -> None:
    """A loop may run next to it, as in a synchronous fixture, and requests of that loop are answered."""
    with Emulator(apps=1, trackers_per_app=0) as emulator:
        async with connect(emulator) as client:
            answers = await asyncio.gather(
                *(client.post(trackers_path(emulator), json={"name": f"X{number}"}) for number in range(20))
            )
        assert {answer.status_code for answer in answers} == {200}
        assert emulator.store.count_trackers() == 20


def test_many_threads() -> None:
    """Reading, writing and resetting from several threads during requests breaks nothing."""
    failures: list[BaseException] = []
    with Emulator(apps=1, trackers_per_app=0) as emulator:
        path = trackers_path(emulator)
        headers = {"Authorization": f"Bearer {emulator.token}"}

        def ask(number: int) -> None:
            try:
                with httpx.Client(base_url=emulator.url, headers=headers, verify=False, trust_env=False) as client:
                    for step in range(20):
                        response = client.post(path, json={"name": f"X{number}-{step}"})
                        assert response.status_code == 200, response.text
                        token = response.json()["data"]["items"][0]["token"]
                        emulator.add_figures(emulator.app_tokens[0], tracker=token, day="2026-01-01", installs=1)
                        assert emulator.stats.requests.total() <= len(emulator.requests) + 1000
                        assert emulator.store.trackers()
            except BaseException as error:  # noqa: BLE001 # raised by the test itself, not in the thread
                failures.append(error)

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures
        assert emulator.store.count_trackers() == 80
        assert len(emulator.requests.to("POST", "/trackers")) == 80


def test_a_process_that_forgets_it() -> None:
    """An emulator that was never exited does not keep the process alive."""
    program = "from adjust_async.emulator import Emulator; Emulator(apps=1).__enter__(); print('end')"
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)
    assert finished.stdout == "end\n"


def test_after_the_end() -> None:
    """Nothing listens on the port afterwards."""
    with Emulator(apps=1, trackers_per_app=0) as emulator:
        url = emulator.url
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(url)
