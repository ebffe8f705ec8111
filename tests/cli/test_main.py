import subprocess
import sys

import pytest

from adjust_async import cli

WITHOUT = """
import sys
sys.modules[{module!r}] = None
from adjust_async.cli import main
main()
"""


@pytest.mark.parametrize("module", ["typer", "uvicorn", "starlette"])
def test_missing_extra(module: str) -> None:
    """Without its extra the command says how to install it, and exits with 2."""
    program = WITHOUT.format(module=module)
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert finished.returncode == 2
    assert "pip install 'adjust_async[cli]'" in finished.stderr
    assert "Traceback" not in finished.stderr


def test_mistakes_in_the_package_are_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a missing extra is explained; a module missing in the package itself stays an error."""
    monkeypatch.setitem(sys.modules, "adjust_async.cli.commands", None)
    with pytest.raises(ModuleNotFoundError):
        cli.main()


def test_commands_have_names(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The emulator is a command of its own, not the whole program."""
    monkeypatch.setattr(sys, "argv", ["adjust-async", "--help"])
    with pytest.raises(SystemExit) as finished:
        cli.main()
    assert finished.value.code == 0
    assert "emulator" in capsys.readouterr().out
