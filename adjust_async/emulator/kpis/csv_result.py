"""An answer as CSV: a row for each leaf, what identifies its elements first."""

import csv
import io
from collections.abc import Mapping

from adjust_async.emulator.kpis.answers import Answer, Leaf
from adjust_async.emulator.kpis.catalog import title_of
from adjust_async.emulator.kpis.groupings import TRACKER_LEVELS

_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "apps": ("app_token", "app_name"),
    "trackers": ("tracker_token", "tracker_name"),
    "dates": ("date",),
    "countries": ("country",),
    "regions": ("region",),
    "device_types": ("device_type",),
    "os_names": ("os_name",),
    "partners": ("partner",),
    "events": ("event_token", "event_name"),
    "periods": ("period",),
}
_TITLES = {"os_name": "OS Name"}
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def write_csv(answer: Answer, *, byte_order_mark: bool) -> bytes:
    """Write the answer in UTF-8; a KPI without a value is a blank cell."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    layout = _Layout(answer)
    writer.writerow(layout.header())
    writer.writerows(layout.row(leaf) for leaf in answer.leaves)
    return (_BYTE_ORDER_MARK if byte_order_mark else b"") + text.getvalue().encode()


class _Layout:
    """Which cells of the elements stand in a row.

    Networks, campaigns, ad groups and creatives have one `tracker_token` together, that of the deepest, before the
    first of their names; beside a column of trackers each has a token of its own.
    """

    def __init__(self, answer: Answer) -> None:
        self._query = answer.query
        self._keys = [level.key for level in answer.query.levels]
        of_trackers = [key for key in self._keys if key in TRACKER_LEVELS]
        self._has_trackers = "trackers" in self._keys
        self._token_before = of_trackers[0] if of_trackers else None
        deepest = max(of_trackers, key=TRACKER_LEVELS.index, default="")
        self._token_of = self._keys.index(deepest) if deepest else 0

    def header(self) -> list[str]:
        """Name the columns."""
        human_readable = self._query.human_readable
        names: list[str] = []
        for key in self._keys:
            if key not in TRACKER_LEVELS:
                names += _COLUMNS[key]
                continue
            name = key.removesuffix("s")
            if self._has_trackers:
                names.append(f"{name}_token")
            elif key == self._token_before:
                names.append("tracker_token")
            names.append(name)
        if human_readable:
            names = [self._title(name) for name in names]
        return names + [column.title if human_readable else column.name for column in self._query.columns]

    def row(self, leaf: Leaf) -> list[object]:
        """Lay out a leaf; the csv module writes None as a blank cell."""
        cells: list[object] = []
        for key, element in zip(self._keys, leaf.elements, strict=True):
            if key not in TRACKER_LEVELS:
                cells += element.cells
                continue
            token, name = element.cells
            if self._has_trackers:
                cells.append(token)
            elif key == self._token_before:
                cells.append(leaf.elements[self._token_of].cells[0])
            cells.append(name)
        return cells + leaf.values

    def _title(self, name: str) -> str:
        if name == "period":
            return self._query.period.heading
        return _TITLES.get(name, title_of(name))
