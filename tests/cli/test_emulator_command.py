import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from adjust_async.cli.commands import app
from adjust_async.emulator import Emulator

COMMAND = str(Path(sys.executable).with_name("adjust-async"))


@contextmanager
def running(*options: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """Start the command, and read what it prints before it serves."""
    process = subprocess.Popen([COMMAND, "emulator", "--port", "0", *options], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(4)]
        yield process, dict(line.strip().split(": ", 1) for line in lines)
    finally:
        process.kill()
        process.communicate()


def get(announced: dict[str, str], path: str) -> httpx.Response:
    """Get a path with the announced token."""
    headers = {"Authorization": f"Bearer {announced['token']}"}
    return httpx.get(announced["url"] + path, headers=headers, verify=False, trust_env=False)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serves_until_interrupted(number: signal.Signals) -> None:
    """It prints URL, token and app tokens, serves, and ends quickly with 0 on Ctrl-C or SIGTERM."""
    with running("--apps", "2", "--trackers-per-app", "60", "--page-size", "7") as (process, announced):
        assert set(announced) == {"url", "token", "app tokens", "page"}
        app_tokens = announced["app tokens"].split()
        assert len(app_tokens) == 2
        data = get(announced, f"/public/v1/apps/{app_tokens[0]}/trackers").json()["data"]
        assert len(data["items"]) == 7
        process.send_signal(number)
        assert process.wait(timeout=60) == 0


def test_options_reach_the_emulator(tmp_path: Path) -> None:
    """Token, file, seed, faults and latency of the command line are those of the emulator."""
    database = tmp_path / "adjust.db"
    options = ("--db", str(database), "--token", "s3cret", "--faults", "0", "--latency", "0.1", "--seed", "8")
    with running(*options, "--trackers-per-app", "1", "--facts-per-day", "0") as (_, announced):
        assert announced["token"] == "s3cret"
        response = get(announced, "/public/v1/partners")
        assert response.status_code == 200
        assert response.elapsed.total_seconds() >= 0.1
        app_token = announced["app tokens"].split()[0]
        assert get(announced, f"/kpis/v1/{app_token}").json()["result_set"]["trackers"] == []
    assert database.exists()
    with running("--db", str(database)) as (_, again):
        assert (again["token"], again["app tokens"]) == (announced["token"], announced["app tokens"])
        assert again["page"] == f"{again['url']}/_emulator/#s3cret"


def test_faults_from_the_command_line() -> None:
    """With a fault rate of 1 every answer is faulty."""
    with running("--faults", "1", "--trackers-per-app", "0") as (_, announced):
        for _ in range(5):
            try:
                response = get(announced, "/nowhere")
            except httpx.TransportError:
                continue
            assert response.status_code != 200


def test_port_in_use() -> None:
    """A port that is taken is one readable line and status 2."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        finished = subprocess.run([COMMAND, "emulator", "--port", port], capture_output=True, text=True, check=False)
    assert finished.returncode == 2
    assert f"Port {port} of 127.0.0.1 is in use" in finished.stderr
    assert "Traceback" not in finished.stderr


def test_bad_option() -> None:
    """An option out of range is refused by name, with status 2."""
    finished = subprocess.run([COMMAND, "emulator", "--page-size", "0"], capture_output=True, text=True, check=False)
    assert finished.returncode == 2
    assert "--page-size" in finished.stderr


def test_installed_command() -> None:
    """The package installs the command."""
    assert shutil.which(COMMAND)


def test_apps_of_a_file(tmp_path: Path) -> None:
    """A file lists apps with their tokens, names, currencies and trackers, and nothing is generated for them."""
    file = tmp_path / "apps.json"
    file.write_text(
        '[{"token": "yxs12pfewq", "name": "My Game", "trackers": ["A::B"]}, {"token": "b", "currency": "EUR"}]'
    )
    with running("--apps", str(file)) as (_, announced):
        assert announced["app tokens"] == "yxs12pfewq b"
        apps = get(announced, "/_emulator/apps").json()
        assert (apps[0]["name"], apps[0]["currency"], apps[0]["trackers"]) == ("My Game", "USD", 2)
        assert apps[1]["currency"] == "EUR"


def test_a_script_of_faults() -> None:
    """Faults are a rate, or the JSON of the control API."""
    with running("--faults", '{"script": ["429", null]}', "--trackers-per-app", "0") as (_, announced):
        assert [get(announced, "/public/v1/partners").status_code for _ in range(3)] == [429, 200, 200]


def test_host() -> None:
    """Bound to all addresses, it answers under the allowed names, and warns."""
    options = ("--host", "0.0.0.0", "--allow-host", "emulator", "--trackers-per-app", "0")
    process = subprocess.Popen(
        [COMMAND, "emulator", "--port", "0", *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        announced = dict(process.stdout.readline().strip().split(": ", 1) for _ in range(4))
        headers = {"Authorization": f"Bearer {announced['token']}"}
        for host, status in ("emulator:80", 200), ("evil.example", 403):
            response = httpx.get(
                announced["url"] + "/public/v1/partners",
                headers=headers | {"Host": host},
                verify=False,
                trust_env=False,
            )
            assert response.status_code == status
    finally:
        process.terminate()
        _, errors = process.communicate()
    assert errors.startswith("Warning: other machines can reach it")
    assert errors.count("\n") == 1


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--apps", "nowhere.json", "there is no file 'nowhere.json'"),
        ("--apps", "{broken}", "is not JSON"),
        ("--apps", '{"token": "a"}', "must be a list of apps"),
        ("--apps", '[{"token": "a", "colour": "red"}]', "must be a list of apps"),
        ("--apps", '[{"token": "a", "trackers": "A"}]', "must be a list of apps"),
        ("--apps", "[]", "apps is a number, or a list"),
        ("--faults", "many", "--faults must be a number or JSON, not 'many'"),
        ("--faults", "2", "from 0 to 1"),
        ("--faults", '{"only": ["418"]}', "the faults are"),
        ("--faults", '{"kinds": ["500"]}', "kinds: faults have"),
    ],
)
def test_invalid_options(option: str, value: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An invalid option is one readable line and status 2."""
    if option == "--apps" and value != "nowhere.json":
        (tmp_path / "apps.json").write_text(value)
        value = str(tmp_path / "apps.json")
    monkeypatch.setattr(Emulator, "run", lambda *_: None)  # an option that passes must not serve forever
    finished = CliRunner().invoke(app, ["emulator", "--port", "0", option, value])
    assert finished.exit_code == 2
    assert finished.stderr.startswith("The emulator could not start: ")
    assert words in finished.stderr
    assert "Traceback" not in finished.stderr
