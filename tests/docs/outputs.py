"""Updates the output below each script that has a `text` block: `python -m tests.docs.outputs`."""

import asyncio
import tempfile
from pathlib import Path

from adjust_async.emulator import Emulator
from tests.docs.blocks import PAGES, ROOT, Block, blocks_of
from tests.docs.running import run_python, write_files


async def printed(block: Block, account: Emulator) -> str:
    """Return what a script prints."""
    with tempfile.TemporaryDirectory() as folder:
        write_files(blocks_of(block.page), Path(folder), account)
        (Path(folder) / "script.py").write_text(block.for_account(account).code, encoding="utf-8")
        return await run_python(["script.py"], Path(folder), account)


async def main() -> None:
    """Run every script that shows its output."""
    async with Emulator() as account:
        for page in PAGES:
            for block in blocks_of(page):
                if block.is_script and block.output is not None:
                    path = ROOT / page
                    text = path.read_text(encoding="utf-8")
                    before, code, after = text.partition(block.code)
                    output = await printed(block, account)
                    path.write_text(before + code + after.replace(block.output, output, 1), encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(main())
