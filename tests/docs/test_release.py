"""`nox -s release` refuses what must not be released, before it builds anything."""

import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from adjust_async import __version__
from tests.docs.blocks import ROOT
from tests.each_extra import USES

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def _git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=Release", "-c", "user.email=release@example.com")
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


def _date(folder: Path, heading: str) -> None:
    (folder / "CHANGELOG.md").write_text(f"# Changelog\n\n{heading}\n\n### Added\n\n- All of it.\n", encoding="utf-8")


def _commit(folder: Path, heading: str) -> None:
    _date(folder, heading)
    _git(folder, "commit", "--quiet", "--all", "--allow-empty", "--message", "Date it")


def _undated(folder: Path) -> None:
    _commit(folder, f"## [{__version__}]")


def _another_version(folder: Path) -> None:
    _commit(folder, "## [0.0.9] - 2026-01-01")


def _unreleased(folder: Path) -> None:
    _commit(folder, f"## [Unreleased]\n\n- More.\n\n## [{__version__}] - 2026-11-26")


def _not_committed(folder: Path) -> None:
    (folder / "secret.txt").write_text("left here", encoding="utf-8")


def _tagged(folder: Path) -> None:
    _git(folder, "tag", "--annotate", f"v{__version__}", "--message", "Released")


@pytest.mark.parametrize(
    ("spoil", "refusal"),
    [
        (_undated, f"## [{__version__}] - YYYY-MM-DD"),
        (_another_version, "begins with '## [0.0.9] - 2026-01-01'"),
        (_unreleased, "begins with '## [Unreleased]'"),
        (_not_committed, "secret.txt"),
        (_tagged, f"v{__version__} is tagged already"),
    ],
)
def test_a_release_is_refused(spoil: Callable[[Path], None], refusal: str, tmp_path: Path) -> None:
    """A tree that is not clean, a changelog that does not name the version and its day, or a tag ends the release."""
    for name in ("noxfile.py", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "adjust_async").mkdir()
    (tmp_path / "adjust_async/_version.py").write_text(f'__version__ = "{__version__}"\n', encoding="utf-8")
    (tmp_path / ".gitignore").write_text("__pycache__/\n.nox/\ndist/\n", encoding="utf-8")
    _date(tmp_path, f"## [{__version__}] - 2026-11-26")
    _git(tmp_path, "init", "--quiet")
    _git(tmp_path, "add", ".")
    _commit(tmp_path, f"## [{__version__}] - 2026-11-26")
    spoil(tmp_path)
    command = [sys.executable, "-m", "nox", "--non-interactive", "-s", "release"]
    finished = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert finished.returncode != 0
    assert refusal in finished.stdout + finished.stderr
    assert not (tmp_path / "dist").exists()


def test_each_extra_is_tried_alone() -> None:
    """`nox -s extras` has a use for every extra of users."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(USES) == set(project["optional-dependencies"]) - {"bench", "dev", "docs"}
