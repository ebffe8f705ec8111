"""An answer as CSV: a row for each leaf, which begins with the identifiers of its elements."""

import csv
import io
from collections.abc import Mapping

from adjust_async.emulator.kpis.answers import Answer, Leaf
from adjust_async.emulator.kpis.catalog import title_of

_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "apps": ("app_token", "app_name"),
    "trackers": ("tracker_token", "tracker_name"),
    "networks": ("network_token", "network_name"),
    "campaigns": ("campaign_token", "campaign_name"),
    "adgroups": ("adgroup_token", "adgroup_name"),
    "creatives": ("creative_token", "creative_name"),
    "dates": ("date",),
    "countries": ("country",),
    "regions": ("region",),
    "device_types": ("device_type",),
    "os_names": ("os_name",),
    "partners": ("partner",),
    "events": ("event_token", "event_name"),
    "periods": ("period",),
}
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def write_csv(answer: Answer, *, byte_order_mark: bool) -> bytes:
    """Return the answer as CSV in UTF-8; a KPI without a value is a blank cell."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    layout = _Layout(answer)
    writer.writerow(layout.header())
    writer.writerows(layout.row(leaf) for leaf in answer.leaves)
    return (_BYTE_ORDER_MARK if byte_order_mark else b"") + text.getvalue().encode()


class _Layout:
    """The columns of a row."""

    def __init__(self, answer: Answer) -> None:
        self._query = answer.query

    def header(self) -> list[str]:
        """Return the column names."""
        human_readable = self._query.human_readable
        names = [name for level in self._query.levels for name in _COLUMNS[level.key]]
        if human_readable:
            names = [self._title(name) for name in names]
        return names + [column.title if human_readable else column.name for column in self._query.columns]

    def row(self, leaf: Leaf) -> list[object]:
        """Return the cells of a leaf; the csv module writes None as a blank cell."""
        return [*(cell for element in leaf.elements for cell in element.cells), *leaf.values]

    def _title(self, name: str) -> str:
        if name == "period":
            return self._query.period.heading
        return title_of(name)
