"""Runs pytest on small projects, as users of the plugin would."""

import os
import subprocess
import sys
from pathlib import Path

PLUGIN = "adjust_async.testing.plugin"


def run(folder: Path, test: str, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a test file in an empty folder, where warnings are errors, with only this plugin and those of the options."""
    (folder / "test_project.py").write_text(test)
    (folder / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    root = Path(__file__).parents[2]
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("ADJUST_", "PYTEST_"))}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--strict-markers", "-p", PLUGIN, *options],
        cwd=folder,
        env={**variables, "PYTHONPATH": str(root), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def passed(result: subprocess.CompletedProcess[str], count: int) -> None:
    """Assert that this many tests passed and nothing else happened."""
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"{count} passed" in result.stdout.splitlines()[-1]
    assert result.stderr == ""
