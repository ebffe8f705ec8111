"""The places of files: accepted, or refused before anything is written."""

import os
from pathlib import Path

import pytest

from adjust_async.errors import ConfigurationError
from adjust_async.tables.files import file_place
from tests.reports.downloads.bodies import parts, pieces, save

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("as_text", [True, False])
async def test_a_path_is_text_or_a_path(tmp_path: Path, as_text: bool) -> None:
    """Both forms name an existing or a new file, in an existing folder."""
    place = tmp_path / "report.csv"
    for _ in range(2):
        assert file_place(str(place) if as_text else place) == place
        place.touch()


async def test_a_path_may_be_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bare name is a file in the working directory."""
    monkeypatch.chdir(tmp_path)
    assert await save(file_place("report.csv"), pieces(b"a")) == 1
    assert (tmp_path / "report.csv").read_bytes() == b"a"


@pytest.mark.parametrize("path", [None, "", b"report.csv", 5, True, 1.5, [], ["report.csv"], {}, object(), iter("a")])
async def test_anything_but_a_path_is_refused(path: object) -> None:
    """Bytes, numbers and similar values are refused with the accepted types."""
    with pytest.raises(ConfigurationError, match=r"^path is .*: pass the path of a file, as text or a pathlib.Path$"):
        file_place(path)


@pytest.mark.parametrize("path", [".", "..", "/", "folder", "folder/", "folder/."])
async def test_a_folder_is_not_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    """The message asks for a file in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    with pytest.raises(ConfigurationError, match="which is a folder: pass the path of a file in it"):
        file_place(path)


@pytest.mark.parametrize("path", ["none/report.csv", "file/report.csv", "~/report.csv"])
async def test_a_folder_that_is_not_there_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """It is reported before anything is requested, and the folder is not created."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="but there is no folder"):
        file_place(path)
    assert parts(tmp_path) == ["file"]


async def test_a_folder_without_rights_is_refused_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is requested that could not be written."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(ConfigurationError, match="can't be written to"):
        file_place(tmp_path / "report.csv")
