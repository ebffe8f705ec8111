"""`SavedReport`: a report that was written to a file."""

from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["SavedReport"]


class SavedReport(NamedTuple):
    """A report that was written to a file.

    Attributes:
        path: The file.
        size: Its size in bytes.
        rows: The number of its rows.
        columns: Its columns.
    """

    path: Path
    size: int
    rows: int
    columns: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the fields by name, as values that JSON can represent: the path as text."""
        return self._asdict() | {"path": str(self.path), "columns": list(self.columns)}
