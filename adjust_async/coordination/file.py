"""Coordination of the processes of one machine through a file."""

from collections.abc import Sequence
from os import R_OK, W_OK, PathLike, access, fspath
from pathlib import Path

from adjust_async._checks import shown
from adjust_async.coordination.protocol import Host, Member
from adjust_async.coordination.shared.leases import check_lease
from adjust_async.errors import ConfigurationError

__all__ = ["FileCoordinator"]


class FileCoordinator:
    """Shares one account's limits among the processes of one machine, through a SQLite database in WAL mode.

    The file must be on a local disk: SQLite can't lock files on network drives, and leases use one machine's clock.
    A memory file system such as `/run` is fastest, but a journal there is lost when the machine restarts.

    Args:
        path: The database, created if it is missing, readable and writable only by its owner. Its folder must exist:
            SQLite puts two more files there.
        lease: Seconds after which permits and locks of a process that died or hangs are free for others, from 1 to 600.

    Raises:
        ConfigurationError: The folder does not exist, the file can't be written, or the lease is out of range.
    """

    def __init__(self, path: str | PathLike[str], *, lease: float = 10.0) -> None:
        self._path = _check_path(path)
        self._lease = check_lease(lease)

    def join(self, hosts: Sequence[Host]) -> Member:
        """Return a member for a client of these hosts. The file is opened on first use."""
        from adjust_async.coordination.shared.member import SharedMember
        from adjust_async.coordination.sqlite_store import SqliteStore

        return SharedMember(hosts, SqliteStore(self._path, self._lease), lease=self._lease)

    def __repr__(self) -> str:
        return f"FileCoordinator({str(self._path)!r}, lease={self._lease:g})"


def _check_path(path: object) -> Path:
    if not isinstance(path, (str, PathLike)) or not path:
        raise ConfigurationError(f"path is {shown(path)}: pass the path of a database file")
    text = fspath(path)
    if not isinstance(text, str) or "\0" in text or not _is_encodable(text):
        raise ConfigurationError(f"path is {shown(path)}: pass the path of a database file, as text")
    if "://" in text:  # which may hold a password
        raise ConfigurationError("path is a URL: pass the path alone, or the URL as AsyncAdjust(coordinator=...)")
    file = Path(text).absolute()
    try:
        file.stat()
    except FileNotFoundError:
        pass
    except OSError as error:
        raise ConfigurationError(f"path is {shown(text)}, which can't be used: {error.strerror}") from None
    if not file.parent.is_dir():
        raise ConfigurationError(f"path is {shown(text)}: its folder does not exist; create it first")
    if file.is_dir():
        raise ConfigurationError(f"path is {shown(text)}, which is a folder: pass the path of a database file in it")
    # SQLite makes two files next to it.
    if not access(file.parent, R_OK | W_OK) or (file.exists() and not access(file, R_OK | W_OK)):
        raise ConfigurationError(f"path is {shown(text)}: this process may not write there")
    return file


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
