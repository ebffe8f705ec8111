import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import adjust_async.emulator

FOLDER = Path(adjust_async.emulator.__file__).parent


def imported(path: Path) -> Iterator[str]:
    """List the modules that a file imports, absolute or relative."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def test_no_code_of_the_client() -> None:
    """The emulator imports nothing else from the package, so that mistakes can't cancel out."""
    for path in FOLDER.rglob("*.py"):
        for module in imported(path):
            assert not module.startswith("."), path
            assert module.split(".")[0] != "adjust_async" or module.startswith("adjust_async.emulator"), path


def test_light_package() -> None:
    """Importing the package itself loads neither the server nor the command line."""
    program = "import sys, adjust_async; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert not {"starlette", "uvicorn", "typer", "adjust_async.emulator", "adjust_async.cli"} & set(loaded)


def test_small_files() -> None:
    """No module has more than 400 lines."""
    for path in FOLDER.rglob("*.py"):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 400, path


def test_face() -> None:
    """The names that the package offers are sorted, constants first, and all there."""
    names = adjust_async.emulator.__all__
    assert names == sorted(names, key=lambda name: (not name.isupper(), name))
    assert all(hasattr(adjust_async.emulator, name) for name in names)


@pytest.mark.parametrize("module", ["httptools", "starlette", "uvicorn"])
def test_missing_extra(module: str) -> None:
    """Without its extra the import names what is missing, and how to install it."""
    program = f"import sys; sys.modules[{module!r}] = None; import adjust_async.emulator"
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    last = finished.stderr.splitlines()[-1]
    assert last == f"ModuleNotFoundError: adjust_async.emulator needs {module}: pip install 'adjust_async[emulator]'"
