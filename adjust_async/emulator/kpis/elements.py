"""The elements of a result, and what identifies them in JSON and in CSV."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from adjust_async.emulator.facts.apps import App
from adjust_async.emulator.facts.store import Facts
from adjust_async.emulator.kpis.dates import write_day, write_hour
from adjust_async.emulator.kpis.groupings import HOUR, TRACKER_LEVELS, Grouping

_UNKNOWN = "unknown"
_SEPARATOR = "::"

_NAMED_BY_THEMSELVES: Mapping[str, str] = {
    "countries": "country",
    "regions": "region",
    "device_types": "device_type",
    "os_names": "os_name",
    "periods": "period",
}


class Element(NamedTuple):
    """An element of a level: its sort key, the first fields of its JSON object, and its cells in CSV."""

    key: Any
    head: dict[str, Any]
    cells: tuple[str, ...]


class Elements:
    """Describes elements of one app by their SQL keys, each once."""

    def __init__(self, facts: Facts, app: App) -> None:
        self._facts = facts
        self._app = app
        self.trackers: dict[str, dict[str, Any]] = {}
        """The entries of `result_parameters` for the trackers that occurred, by token."""
        self.events: dict[str, dict[str, Any]] = {}
        """The same for events."""

    def of(self, grouping: Grouping) -> Callable[[Any], Element]:
        """Return a function that describes an element of that level."""
        describe = self._describer(grouping)
        known: dict[Any, Element] = {}

        def element(key: Any) -> Element:
            if key not in known:
                known[key] = describe(key)
            return known[key]

        return element

    def app(self, place: int) -> Element:
        """Return the element of the app, which has this position among the apps."""
        app = self._app
        head = {"token": app.token, "name": app.name, "currency": app.currency.iso_code}
        return Element(place, head, (app.token, app.name))

    def _describer(self, grouping: Grouping) -> Callable[[Any], Element]:
        if grouping.key == "dates":
            write = write_hour if grouping == HOUR else write_day
            return lambda key: _plain("date", key, write(key))
        if grouping.key in TRACKER_LEVELS:
            return self._ancestor
        if grouping.key in _NAMED_BY_THEMSELVES:
            field = _NAMED_BY_THEMSELVES[grouping.key]
            return lambda key: _plain(field, key, str(key))
        return {"trackers": self._tracker, "events": self._event, "partners": self._partner}[grouping.key]

    def _tracker(self, key: int) -> Element:
        token, name, subtrackers = self._read("SELECT token, name, subtrackers FROM trackers WHERE id = ?", key)
        self.trackers[token] = {"token": token, "name": name, "has_subtrackers": subtrackers > 0}
        return Element(key, {"token": token}, (token, name))

    def _ancestor(self, key: int) -> Element:
        """Describe a tracker of a level; activity of a tracker above the level is "unknown" under its token."""
        token, name = self._read("SELECT token, name FROM trackers WHERE id = ?", abs(key))
        label = name.rpartition(_SEPARATOR)[2] if key > 0 else _UNKNOWN
        return Element(key, {"token": token, "name": label}, (token, label))

    def _event(self, key: int) -> Element:
        event = self._app.events[key]
        self.events[event.token] = {"name": event.name, "token": event.token}
        return Element(key, {"token": event.token}, (event.token, event.name))

    def _partner(self, key: int) -> Element:
        name = self._read("SELECT display_name FROM partners WHERE id = ?", key)[0] if key else _UNKNOWN
        return _plain("partner", key, name)

    def _read(self, query: str, key: int) -> tuple[Any, ...]:
        return self._facts.read(query, (key,))[0]


def _plain(field: str, key: Any, text: str) -> Element:
    return Element(key, {field: text}, (text,))
