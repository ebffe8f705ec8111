"""The README keeps what it says: its code runs, and its commands are those that are checked."""

import ast
import asyncio
import re
from pathlib import Path
from types import CodeType

import pytest

from adjust_async.emulator import Emulator

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def compiled(block: str) -> CodeType:
    """Compile a block, which may await at its top level."""
    code: CodeType = compile(block, "README.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    return code


@pytest.mark.parametrize("number", range(len(BLOCKS)))
async def test_a_code_block_runs(number: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each block runs as it stands, against the emulator in place of Adjust."""
    monkeypatch.chdir(tmp_path)
    async with Emulator() as emulator:
        monkeypatch.setenv("ADJUST_API_URL", emulator.url)
        monkeypatch.setenv("ADJUST_API_TOKEN", emulator.token)
        app = emulator.app_tokens[0]
        parent = next(tracker for tracker in emulator.store.trackers(app) if tracker.has_subtrackers)
        block = BLOCKS[number]
        # What a reader replaces by their own.
        for placeholder, value in {
            "api-token": emulator.token,
            "yxs12pfewq": app,
            "gwzpeepw8uf8": emulator.app_tokens[1],
            "abc123": parent.token,
            '"AdColony"': '"AdColony of the README"',
        }.items():
            block = block.replace(placeholder, value)
        names: dict[str, object] = {}
        waiting = eval(compiled("from adjust_async import AsyncAdjust\n" + block), names)
        if asyncio.iscoroutine(waiting):
            await waiting


def test_there_are_blocks() -> None:
    """The README shows code, every block of which the tests find."""
    assert len(BLOCKS) == README.count("```python") > 8


@pytest.mark.parametrize("document", ["README.md", "CHANGELOG.md", "benchmarks/README.md"])
def test_every_link_leads_somewhere(document: str) -> None:
    """A link to a file of the project finds it."""
    text = (ROOT / document).read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?://)([^)#]+)\)", text):
        assert ((ROOT / document).parent / target).exists(), target


def test_the_test_command_is_what_continuous_integration_runs() -> None:
    """`.ci/run` runs the README's second command, to the letter."""
    first, second, *_ = re.findall(r"^```sh\n(.*?)\n```", README, re.MULTILINE | re.DOTALL)
    assert first.endswith("adjust-async demo")
    assert (ROOT / ".ci/run").read_text(encoding="utf-8").splitlines()[-1] == second
