"""Runs the code of a page in an empty folder, against an emulator."""

import asyncio
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from adjust_async.emulator import Emulator
from tests.docs.blocks import ROOT, Block

#: Seconds within which a script must end.
PATIENCE = 60

#: What Python prints of warnings and errors that can't be raised, such as those of finalizers.
AFTERMATH = re.compile(r"Exception ignored|was destroyed|never retrieved|never awaited")


def environment(emulator: Emulator) -> dict[str, str]:
    """Return the environment of a reader whose account is the emulator."""
    return {
        **os.environ,
        "ADJUST_API_URL": emulator.url,
        "ADJUST_API_TOKEN": emulator.token,
        "PYTHONPATH": str(ROOT) if (ROOT / "adjust_async").exists() else "",
        "PYTHONIOENCODING": "utf-8",
    }


async def run_python(arguments: Sequence[str], folder: Path, emulator: Emulator) -> str:
    """Run Python in a new process, check that it succeeds without warnings, and return its output."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", *arguments,
        cwd=folder, env=environment(emulator), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(PATIENCE):
            output, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, f"{output.decode()}\n{errors.decode()}"
    assert not AFTERMATH.search(errors.decode()), errors.decode()
    return output.decode()


def write_files(blocks: Sequence[Block], folder: Path, emulator: Emulator) -> None:
    """Write the files of a page into a folder, which is a project of its own: pytest looks for one in those above."""
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    for block in blocks:
        if block.title and block.language != "text":
            target = folder / block.title
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(block.for_account(emulator).code, encoding="utf-8")


def steady(output: str) -> str:
    """Return an output without the parts that differ from run to run: ports, times, and trailing spaces."""
    output = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", output)
    output = re.sub(r"\b\d+\.\d+ s\b", "N s", output)
    return "\n".join(line.rstrip() for line in output.strip().splitlines())
