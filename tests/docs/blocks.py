"""The code blocks of the README and of the documentation, and how a reader would run them.

* A block with a title (```` ```python title="app.py" ````) is a file with that name, next to other files of its page.
* A block that calls `asyncio.run`, or tests for `__main__`, is a script: a new process runs it unchanged.
* All other blocks of a page are entered into one session one after the other, as in a notebook, where `adjust` is an
  open client.
* A block that imports another client is run by `tests/peers`, where that client is installed.
* A `text` block below a script, in the same section, is what the script prints.
"""

import ast
import re
from pathlib import Path
from types import CodeType

from attrs import frozen

from adjust_async.emulator import Emulator

ROOT = Path(__file__).parents[2]

#: Every document of the project, whether it has code or not. A new one joins by itself.
PAGES = tuple(
    sorted(
        path.relative_to(ROOT).as_posix()
        for pattern in ("*.md", "benchmarks/README.md", "docs/**/*.md")
        for path in ROOT.glob(pattern)
    )
)
#: Modules whose docstrings contain code, which the reference shows.
MODULES = tuple(
    path.relative_to(ROOT).as_posix()
    for path in sorted(ROOT.glob("adjust_async/**/*.py"))
    if "```" in path.read_text(encoding="utf-8")
)

_FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>\w+)(?P<options>[^\n`]*)\n(?P<code>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL
)
_OTHER_CLIENTS = re.compile(r"^from (adjusty|adjustapi)\b", re.MULTILINE)
_TITLE = re.compile(r'title="([^"]+)"')


@frozen
class Block:
    """A fenced block of a page.

    Attributes:
        page: The page's path in the project.
        line: The line of the page that its code begins on.
        output: The `text` block below it; `None` if there is none.
    """

    page: str
    line: int
    language: str
    title: str | None
    code: str
    output: str | None = None

    @property
    def is_script(self) -> bool:
        """Whether a reader would save it as a file and run it."""
        runs = "asyncio.run(" in self.code or "__main__" in self.code
        return self.language == "python" and runs and not self.is_test

    @property
    def is_test(self) -> bool:
        """Whether pytest would run it."""
        return self.title is not None and Path(self.title).name.startswith("test_")

    @property
    def is_fragment(self) -> bool:
        """Whether a reader would type it into a running session."""
        return self.language == "python" and not self.is_script and not self.is_foreign and self.title is None

    @property
    def is_foreign(self) -> bool:
        """Whether it uses another published client, which `nox -s peers` installs."""
        return self.language == "python" and _OTHER_CLIENTS.search(self.code) is not None

    @property
    def place(self) -> str:
        """The page and the line."""
        return f"{self.page}:{self.line}"

    def for_account(self, emulator: Emulator) -> "Block":
        """Return the block with a reader's own values in place of placeholders."""
        app = emulator.app_tokens[0]
        parent = next(tracker for tracker in emulator.store.trackers(app) if tracker.has_subtrackers)
        code = self.code
        for placeholder, value in {
            "api-token": emulator.token,
            "yxs12pfewq": app,
            "gwzpeepw8uf8": emulator.app_tokens[1],
            "abc123": parent.token,
        }.items():
            code = code.replace(placeholder, value)
        return Block(self.page, self.line, self.language, self.title, code, self.output)

    def compiled(self) -> CodeType:
        """Compile Python, which may await at its top level; a traceback names the page and the line."""
        source = "\n" * (self.line - 1) + self.code
        code: CodeType = compile(source, str(ROOT / self.page), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        return code


def blocks_of(page: str) -> list[Block]:
    """Return the blocks of a page, in order."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found: list[Block] = []
    end = 0
    for match in _FENCE.finditer(text):
        code = re.sub(f"^{match['indent']}", "", match["code"], flags=re.MULTILINE)
        between, end = text[end : match.start()], match.end()
        if match["language"] == "text" and found and found[-1].is_script and "\n#" not in between:
            last = found.pop()
            found.append(Block(last.page, last.line, last.language, last.title, last.code, code))
            continue
        title = _TITLE.search(match["options"])
        line = text.count("\n", 0, match.start("code")) + 1
        found.append(Block(page, line, match["language"], title[1] if title else None, code))
    return found


def count_fences(page: str) -> int:
    """Return the number of lines of a page that begin or end a block, however they are written."""
    return len(re.findall(r"^[ >]*(?:```|~~~)", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE))


def block_titled(page: str, title: str) -> Block:
    """Return the file with that name on a page."""
    return next(block for block in blocks_of(page) if block.title == title)
