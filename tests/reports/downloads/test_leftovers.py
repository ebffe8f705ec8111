"""Temporary files that killed runs left behind, and those of runs that still write."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from adjust_async.reports.downloads.atomic_file import BUFFER
from tests.reports.downloads.bodies import parts, pieces, save

pytestmark = pytest.mark.anyio


KILLED = """
import asyncio, os, pathlib, signal, sys
from adjust_async.reports.downloads.atomic_file import UnfinishedFile

async def main():
    async def pieces():
        yield b"x" * 1_000_000
        print("begun", flush=True)
        await asyncio.sleep(60)
    with UnfinishedFile(pathlib.Path(sys.argv[1])) as file:
        await file.write(pieces(), None, None)

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no locks that tell at once")
async def test_leftovers_of_killed_runs_are_removed(tmp_path: Path) -> None:
    """The next run removes it, but nothing that another run still writes, and no other file."""
    place = tmp_path / "report.csv"
    (tmp_path / ".hidden.part").touch()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED, str(place), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"begun\n"
    (unfinished,) = set(parts(tmp_path)) - {".hidden.part"}
    await save(place, pieces(b"new"))
    assert set(parts(tmp_path)) == {".hidden.part", unfinished}
    process.kill()
    await process.wait()
    await save(place, pieces(b"newer"))
    assert parts(tmp_path) == [".hidden.part"]
    assert place.read_bytes() == b"newer"


async def test_a_run_whose_file_was_swept_makes_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before it is locked, a new file looks abandoned. If it was removed then, another one is created."""
    created = 0
    create = os.open

    def swept(path: Any, *arguments: Any, **options: Any) -> int:
        nonlocal created
        descriptor = create(path, *arguments, **options)
        created += 1
        if created == 1:
            Path(path).unlink()
        return descriptor

    monkeypatch.setattr(os, "open", swept)
    await save(tmp_path / "report.csv", pieces(b"new"))
    assert created == 2
    assert (tmp_path / "report.csv").read_bytes() == b"new"
    assert parts(tmp_path) == []


async def test_two_runs_do_not_disturb_each_other(tmp_path: Path) -> None:
    """Each writes its own part file, and the last one to finish replaces the others."""
    place = tmp_path / "report.csv"
    bodies = [bytes([65 + number]) * BUFFER * 2 for number in range(5)]
    await asyncio.gather(*(save(place, pieces(body[:BUFFER], body[BUFFER:])) for body in bodies))
    assert place.read_bytes() in bodies
    assert parts(tmp_path) == []
