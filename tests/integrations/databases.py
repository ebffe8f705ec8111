"""Databases for tests: a DuckDB file, and a PostgreSQL server of the test's own."""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest


def find_postgres() -> Path | None:
    """Return the folder of PostgreSQL's programs; `None` if it is not installed."""
    installed = [*Path("/usr/lib/postgresql").glob("*/bin")]  # Debian's, which are not in PATH
    if found := shutil.which("initdb"):
        installed.append(Path(found).resolve().parent)
    return next((folder for folder in installed if (folder / "pg_isready").exists()), None)


@contextmanager
def postgres() -> Iterator[str]:
    """Start a server on a free port, as a user that is not root; yield the URL of a database."""
    programs = find_postgres()
    if programs is None:
        pytest.skip("PostgreSQL is not installed")
    as_user: dict[str, Any] = {}
    if os.geteuid() == 0:
        if shutil.which("runuser") is None:
            pytest.skip("PostgreSQL does not run as root, and there is no other user")
        as_user = {"user": "nobody", "group": "nogroup", "extra_groups": []}
    with TemporaryDirectory(prefix="pg", dir="/tmp") as folder, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        if as_user:
            shutil.chown(folder, "nobody", "nogroup")
        run: dict[str, Any] = {"cwd": folder, "env": {"PATH": os.environ["PATH"], "LC_ALL": "C"}, **as_user}
        data = f"{folder}/data"
        quiet: dict[str, Any] = {"check": True, "capture_output": True}
        subprocess.run([programs / "initdb", "-D", data, "-A", "trust", "-U", "tester", "--no-sync"], **run, **quiet)
        free.close()
        server = subprocess.Popen(
            [programs / "postgres", "-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", folder, "-F"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **run,
        )
        try:
            ready: list[Any] = [programs / "pg_isready", "-q", "-t", "30", "-h", "127.0.0.1", "-p", str(port)]
            while subprocess.run(ready, check=False).returncode:
                assert server.poll() is None
            yield f"postgresql://tester:trusted@127.0.0.1:{port}/postgres"
        finally:
            server.send_signal(signal.SIGINT)  # ends the connections too
            server.wait()
