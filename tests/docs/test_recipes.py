"""The recipes for blocking callers work where readers put them: in Celery's child processes and in Django's views."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adjust_async.emulator import Emulator
from tests.docs.blocks import blocks_of
from tests.docs.running import environment, run_python, write_files

pytestmark = pytest.mark.anyio

PAGE = "docs/how-to/blocking.md"

#: A broker of files, so that no server is needed; a process for each child, as in production.
CELERY = """\
broker_url = "filesystem://"
result_backend = "file://{folder}/results"
broker_transport_options = {{"data_folder_in": "{folder}/queue", "data_folder_out": "{folder}/queue"}}
"""

CALLER = """\
import tasks

app = "APP"
rolled = tasks.roll_out.delay(app, ["AppLovin::DE::Spring"])
days = tasks.installs.delay(app)
print(rolled.get(timeout=30)["failed"], len(days.get(timeout=30)))
failed = tasks.installs.delay("no such app")
try:
    failed.get(timeout=30)
except Exception as error:
    print(type(error).__name__)
"""

DJANGO = """\
from concurrent.futures import ThreadPoolExecutor

import django
from django.conf import settings
from django.urls import path

settings.configure(SECRET_KEY="of a test", ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], USE_TZ=True)
django.setup()

import async_views
import views
from asgiref.sync import async_to_sync
from django.test import AsyncClient, Client

urlpatterns = [path("trackers/<str:app_token>", views.trackers), path("partners", async_views.partners)]


def get(app_token):
    return Client().get(f"/trackers/{app_token}")


with ThreadPoolExecutor(8) as threads:
    answers = list(threads.map(get, ["APP"] * 20))
print({answer.status_code for answer in answers}, len(answers[0].json()["trackers"]))
print(get("nosuchapp").status_code)


async def asynchronous():
    answers = [await AsyncClient().get("/partners") for _ in range(3)]
    await async_views.get_adjust().aclose()
    return answers


print({answer.status_code for answer in async_to_sync(asynchronous)()})
"""

FORKED = """\
import os

from adjust_calls import call


def count():
    return len(call(lambda adjust: adjust.partners.list().collect()))


if os.fork() == 0:
    assert count() > 0
    os._exit(0)
assert os.wait()[1] == 0
assert count() > 0
if os.fork() == 0:
    try:
        count()
    except RuntimeError:
        os._exit(0)
    os._exit(1)
assert os.wait()[1] == 0
print("done")
"""


@pytest.fixture
async def account() -> AsyncIterator[Emulator]:
    """An account; the service answers while other processes send requests."""
    async with Emulator(apps=2, trackers_per_app=40) as running:
        yield running


@pytest.fixture
def folder(account: Emulator, tmp_path: Path) -> Path:
    """A folder with the files of the page."""
    write_files(blocks_of(PAGE), tmp_path, account)
    return tmp_path


async def test_a_process_forks_before_the_first_call(account: Emulator, folder: Path) -> None:
    """Children of a process that only imported have their own client; those of one that called get an error."""
    if not hasattr(os, "fork"):
        pytest.skip("this platform does not fork")
    (folder / "forked.py").write_text(FORKED, encoding="utf-8")
    # From Python 3.12, forking a process with threads warns, which is what this tests.
    assert "done" in await run_python(["-W", "ignore::DeprecationWarning", "forked.py"], folder, account)


async def test_a_process_ends_though_names_were_looked_up(account: Emulator, folder: Path) -> None:
    """A process ends by itself after calls that used threads of the loop, without closing anything."""
    url = account.url.replace("127.0.0.1", "localhost")
    script = "import os; os.environ['ADJUST_API_URL'] = PLACE; from adjust_calls import call; "
    script += "print(len(call(lambda adjust: adjust.partners.list().collect())))"
    assert int(await run_python(["-c", script.replace("PLACE", repr(url))], folder, account)) > 0


async def test_django(account: Emulator, folder: Path) -> None:
    """Views call concurrently from many threads, and the asynchronous view keeps one client."""
    (folder / "project.py").write_text(DJANGO.replace("APP", account.app_tokens[0]), encoding="utf-8")
    output = await run_python(["project.py"], folder, account)
    lines = output.splitlines()
    assert lines[0].startswith("{200} ")
    assert lines[1:] == ["404", "{200}"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Celery has no child processes there")
async def test_celery(account: Emulator, folder: Path) -> None:
    """A worker with child processes runs the tasks, and an error of the SDK is raised when the result is awaited."""
    for name in ("queue", "results"):
        (folder / name).mkdir()
    (folder / "celeryconfig.py").write_text(CELERY.format(folder=folder), encoding="utf-8")
    (folder / "caller.py").write_text(CALLER.replace("APP", account.app_tokens[0]), encoding="utf-8")
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "celery", "-A", "tasks", "worker", "--concurrency", "2", "--loglevel", "WARNING",
        cwd=folder, env=environment(account), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        output = await run_python(["-W", "default", "caller.py"], folder, account)
    finally:
        worker.terminate()
        log, _ = await worker.communicate()
    assert output.split()[0] == "0", log.decode()
    assert output.split()[1] == "7", log.decode()
    assert output.split()[2] == "ConfigurationError", log.decode()
