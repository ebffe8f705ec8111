"""The recipes for blocking callers work where readers put them: in Celery's child processes and in Django's views."""

import asyncio
import os
import signal
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

import adjust_lifespan
import async_views
import views
from asgiref.sync import async_to_sync
from django.core.asgi import get_asgi_application
from django.test import AsyncClient, Client

urlpatterns = [path("trackers/<str:app_token>", views.trackers), path("partners", async_views.partners)]


def get(app_token):
    return Client().get(f"/trackers/{app_token}")


with ThreadPoolExecutor(8) as threads:
    answers = list(threads.map(get, ["APP"] * 20))
print({answer.status_code for answer in answers}, len(answers[0].json()["trackers"]))
print(get("nosuchapp").status_code)


async def stop():
    application = adjust_lifespan.with_lifespan(get_asgi_application())
    events = iter(["lifespan.startup", "lifespan.shutdown"])
    sent = []

    async def receive():
        return {"type": next(events)}

    async def send(event):
        sent.append(event["type"])

    await application({"type": "lifespan"}, receive, send)
    return sent


async def asynchronous():
    answers = [await AsyncClient().get("/partners") for _ in range(3)]
    assert await stop() == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    return answers


print({answer.status_code for answer in async_to_sync(asynchronous)()})
"""

FORKED = """\
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from adjust_calls import call


def count(_=None):
    return len(call(lambda adjust: adjust.partners.list().collect()))


def in_threads(number):
    with ThreadPoolExecutor(number) as threads:
        return set(threads.map(count, range(number)))


def in_a_fork():
    if child := os.fork():
        assert os.waitpid(child, 0)[1] == 0
    else:
        assert in_threads(4) == {120}
        sys.exit()


in_a_fork()
assert in_threads(8) == {120}
stop = threading.Event()


def again_and_again():
    while not stop.is_set():
        assert count() == 120


threads = [threading.Thread(target=again_and_again) for _ in range(2)]
for thread in threads:
    thread.start()
for _ in range(2):
    in_a_fork()
stop.set()
for thread in threads:
    thread.join()
assert count() == 120
print("done")
"""

INTERRUPTED = """\
import asyncio
import signal
import sys
import threading

from adjust_calls import call, close

ended = threading.Event()
caller = threading.main_thread().ident


class TimeLimit(Exception):
    pass


def interrupt(*_):
    raise TimeLimit


def is_waiting():
    frame = sys._current_frames()[caller]
    while frame is not None and frame.f_code.co_name != "result":
        frame = frame.f_back
    return frame is not None


async def never(adjust):
    while not is_waiting():
        await asyncio.sleep(0.01)
    signal.pthread_kill(caller, signal.SIGALRM)
    try:
        await asyncio.Event().wait()
    finally:
        ended.set()


async def nested(adjust):
    call(never)


signal.signal(signal.SIGALRM, interrupt)
try:
    call(nested)
except RuntimeError as error:
    assert "use `await`" in str(error)
try:
    call(never)
except TimeLimit:
    assert ended.wait(20)
    print(len(call(lambda adjust: adjust.partners.list().collect())))
close()
"""

CUT_OFF = """\
import asyncio
import threading

from adjust_calls import call

waiting = [threading.Event(), threading.Event()]


async def read(adjust):
    listing = asyncio.create_task(adjust.partners.list().collect())
    await asyncio.sleep(0)
    waiting[0].set()
    await listing


async def never(adjust):
    waiting[1].set()
    await asyncio.Event().wait()


call(lambda adjust: adjust.partners.list().collect())
for work in (read, never):
    threading.Thread(target=call, args=(work,), daemon=True).start()
for event in waiting:
    event.wait()
threading.excepthook = lambda arguments: None  # both calls fail, if their threads get so far
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


async def test_forked_processes_have_clients_of_their_own(account: Emulator, folder: Path) -> None:
    """Children call from many threads, whether their parent has called, or calls meanwhile, or not; nothing warns."""
    if not hasattr(os, "fork"):
        pytest.skip("this platform does not fork")
    (folder / "forked.py").write_text(FORKED, encoding="utf-8")
    # From Python 3.12, forking a process with threads warns, which is what this tests.
    assert await run_python(["-W", "ignore::DeprecationWarning", "forked.py"], folder, account) == "done\n"


async def test_a_time_limit_cancels_the_call(account: Emulator, folder: Path) -> None:
    """An interruption of the calling thread cancels its call in the event loop too, and the next call works."""
    if not hasattr(signal, "pthread_kill"):
        pytest.skip("this platform has no signals for threads")
    (folder / "interrupted.py").write_text(INTERRUPTED, encoding="utf-8")
    assert await run_python(["interrupted.py"], folder, account) == "120\n"


async def test_a_process_ends_during_a_call(account: Emulator, folder: Path) -> None:
    """At its end, a process does not wait for calls of daemon threads: its client cuts them off."""
    (folder / "cut_off.py").write_text(CUT_OFF, encoding="utf-8")
    account.faults = [None, None, None, "hang"]  # the first list has three pages
    assert await run_python(["cut_off.py"], folder, account) == "done\n"


async def test_a_missing_token_leaves_nothing_behind(account: Emulator, folder: Path) -> None:
    """A client that can't be created leaves no thread running, however often it is tried."""
    script = "import os, threading; os.environ['ADJUST_API_TOKEN'] = 'not a token'; from adjust_calls import call\n"
    script += "try:\n    call(lambda adjust: adjust.partners.list().collect())\n"
    script += "except ValueError:\n    print(threading.active_count())"
    assert await run_python(["-c", script], folder, account) == "1\n"


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
