import asyncio
from importlib.util import find_spec
from pathlib import Path

import pytest

from adjust_async import AsyncAdjust
from adjust_async.emulator import EmulatedApp, Emulator
from tests.testing.projects import passed, run

HEAD = """
import asyncio
import pytest
from adjust_async import AsyncAdjust, BadRequestError
from adjust_async.emulator import EmulatedApp, Emulator, Faults

APP = "yxs12pfewq"
game = pytest.mark.adjust(apps=[EmulatedApp(APP, "My Game")])

async def roll_out(adjust):
    return await adjust.trackers.provision(APP, ["AppLovin::DE", "AdColony"])
"""
COROUTINES = """
@game
async def test_roll_out(adjust: AsyncAdjust, adjust_emulator: Emulator) -> None:
    result = await roll_out(adjust)
    assert result.counts["created"] == 2
    names = {tracker.name for tracker in adjust_emulator.store.trackers(APP)}
    assert names == {"AppLovin", "AppLovin::DE", "AdColony"}
    assert len(adjust_emulator.requests.to("POST", "/trackers")) == 3

@game
async def test_fresh(adjust: AsyncAdjust, adjust_emulator: Emulator) -> None:
    assert await adjust.trackers.list(APP).collect() == []
    assert adjust_emulator.stats.total == 1
"""


def test_blocking_tests(tmp_path: Path) -> None:
    """A blocking test runs its own loop with the client, and can inspect the emulator."""
    test = """
@game
def test_roll_out(adjust, adjust_emulator):
    asyncio.run(roll_out(adjust))
    assert adjust_emulator.store.count_trackers(APP) == 3

@game
def test_unused(adjust):
    pass

@game
def test_a_client_of_its_own(adjust_emulator):
    async def main():
        async with AsyncAdjust() as adjust:
            return await roll_out(adjust)
    for _ in range(2):
        asyncio.run(main())
    assert adjust_emulator.store.count_trackers(APP) == 3
"""
    passed(run(tmp_path, HEAD + test), 3)


@pytest.mark.adjust(
    apps=[EmulatedApp("yxs12pfewq", "My Game")],
)
def test_in_this_process(adjust_emulator: Emulator) -> None:
    """The fixture also serves the project's own tests: a client without arguments is connected to it."""

    async def roll_out() -> None:
        async with AsyncAdjust() as adjust:
            await adjust.trackers.provision("yxs12pfewq", ["AppLovin::DE"])

    asyncio.run(roll_out())
    assert adjust_emulator.store.count_trackers("yxs12pfewq") == 2


def test_anyio(tmp_path: Path) -> None:
    """The fixtures work with anyio's plugin, even if a fixture of the project is a coroutine."""
    test = f"""
pytestmark = pytest.mark.anyio

@pytest.fixture
def anyio_backend():
    return "asyncio"

@pytest.fixture
async def rolled_out(adjust):
    yield await roll_out(adjust)
    assert len(await adjust.trackers.list(APP).collect()) == 2

@game
async def test_fixture(rolled_out):
    assert rolled_out.counts["created"] == 2
{COROUTINES}"""
    passed(run(tmp_path, HEAD + test, "-p", "anyio.pytest_plugin"), 3)


@pytest.mark.skipif(find_spec("pytest_asyncio") is None, reason="pytest-asyncio is not installed")
@pytest.mark.parametrize("mode", ["strict", "auto"])
def test_pytest_asyncio(mode: str, tmp_path: Path) -> None:
    """The fixtures work with pytest-asyncio in both of its modes."""
    mark = "pytestmark = pytest.mark.asyncio\n" if mode == "strict" else ""
    options = (
        "-p",
        "pytest_asyncio.plugin",
        "-o",
        f"asyncio_mode={mode}",
        "-o",
        "asyncio_default_fixture_loop_scope=function",
    )
    passed(run(tmp_path, HEAD + mark + COROUTINES, *options), 2)


@pytest.mark.skipif(find_spec("xdist") is None, reason="pytest-xdist is not installed")
@pytest.mark.slow
def test_xdist(tmp_path: Path) -> None:
    """Tests in several processes have their own emulators."""
    test = """
@game
@pytest.mark.parametrize("number", range(6))
def test_roll_out(number, adjust, adjust_emulator):
    asyncio.run(roll_out(adjust))
    assert adjust_emulator.store.count_trackers(APP) == 3
"""
    passed(run(tmp_path, HEAD + test, "-p", "xdist", "-n", "2"), 6)


def test_marks(tmp_path: Path) -> None:
    """Options of the emulator come from the marks, and the mark nearest to the test takes precedence."""
    test = """
@pytest.mark.adjust(apps=3, trackers_per_app=5, faults=Faults(rate=1, kinds=["429"]))
class TestMarks:
    @pytest.mark.adjust(apps=2)
    def test_near(self, adjust_emulator):
        assert len(adjust_emulator.app_tokens) == 2
        assert adjust_emulator.store.count_trackers() == 10
        assert adjust_emulator.faults.kinds == ("429",)

    def test_far(self, adjust_emulator):
        assert len(adjust_emulator.app_tokens) == 3
"""
    passed(run(tmp_path, HEAD + test), 2)


def test_faults_of_a_mark_start_over(tmp_path: Path) -> None:
    """Faults that several tests share through a mark start over in each of them."""
    test = """
@pytest.mark.adjust(apps=1, faults=Faults.script(["429", None]))
@pytest.mark.parametrize("number", range(2))
def test_script(number, adjust, adjust_emulator):
    asyncio.run(adjust.partners.list(page_size=200).collect())
    assert [request.fault for request in adjust_emulator.requests] == ["429", None]
"""
    passed(run(tmp_path, HEAD + test), 2)


def test_positional_arguments(tmp_path: Path) -> None:
    """A mark with positional arguments says how it is written."""
    test = "@pytest.mark.adjust(3)\ndef test_marks(adjust_emulator):\n    pass\n"
    assert "takes keyword arguments only" in run(tmp_path, HEAD + test).stderr


def test_bad_option(tmp_path: Path) -> None:
    """An invalid option is the emulator's error."""
    test = "@pytest.mark.adjust(apps=0)\ndef test_marks(adjust_emulator):\n    pass\n"
    assert "apps must be at least 1, not 0" in run(tmp_path, HEAD + test).stdout


def test_fixtures_are_described(tmp_path: Path) -> None:
    """`pytest --fixtures` and `--markers` describe the plugin."""
    shown = run(tmp_path, "", "--fixtures").stdout
    assert "adjust_emulator -- " in shown
    assert "Run a fresh emulator of Adjust in a thread" in shown
    assert "@pytest.mark.adjust(grace_time=..., real_hosts=False, **options)" in run(tmp_path, "", "--markers").stdout


def test_light(tmp_path: Path) -> None:
    """A project that does not use the fixtures loads neither the emulator nor the client."""
    test = """
import sys

def test_modules():
    assert "adjust_async.testing.plugin" in sys.modules
    assert not {"adjust_async.emulator", "adjust_async.client", "uvicorn", "starlette"} & set(sys.modules)
"""
    passed(run(tmp_path, test), 1)
