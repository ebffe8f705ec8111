"""Combines answers: joins the windows of an app, and merges the parameters of all answers."""

from collections.abc import Mapping, Sequence
from typing import Any

from adjust_async.errors import MalformedError
from adjust_async.kpis.result_sets.levels import Element, is_level, levels_of, own_values, singular

__all__ = ["join_elements", "merge_parameters", "named_entries", "names_by_level"]


def join_elements(one: Element, other: Element) -> Element:
    """Join the same element of two windows. Never adds values up, because many KPIs are rates or distinct users.

    Raises:
        MalformedError: Both windows have figures for the same element, or their currencies differ.
    """
    if "kpi_values" in one and "kpi_values" in other:
        raise MalformedError("two windows have figures for the same element", ".kpi_values")
    currencies = {element["currency"] for element in (one, other) if element.get("currency") is not None}
    if len(currencies) > 1:
        raise MalformedError(f"two windows have different currencies: {sorted(map(str, currencies))}", ".currency")
    joined = {**other, **{key: value for key, value in one.items() if value is not None}}
    for level in levels_of(other):
        if not is_level(level, one.get(level)):
            continue
        elements = _by_identity(level, one[level])
        for identity, element in _by_identity(level, other[level]).items():
            known = elements.get(identity)
            try:
                elements[identity] = element if known is None else join_elements(known, element)
            except MalformedError as error:
                raise error.below(f".{level}[{identity!r}]") from None
        joined[level] = list(elements.values())
    return joined


def _by_identity(level: str, elements: Sequence[Element]) -> dict[object, Element]:
    found: dict[object, Element] = {}
    for index, element in enumerate(elements):
        identity = _identity(level, element)
        if identity in found:
            raise MalformedError("an element appears twice, so windows can't be joined", f".{level}[{index}]")
        found[identity] = element
    return found


def _identity(level: str, element: Element) -> object:
    for key in ("token", singular(level)):
        if element.get(key) is not None:
            return element[key]
    return tuple(sorted(own_values(element).items(), key=repr))


def merge_parameters(answers: Sequence[Mapping[str, Any]], kpis: Sequence[str]) -> dict[str, Any]:
    """Merge the `result_parameters` of several answers: those of the first, with the trackers and events of all.

    Args:
        answers: The parameters of each answer.
        kpis: The KPIs of the merged report.
    """
    merged = {key: value for answer in reversed(answers) for key, value in answer.items()}
    for key in ("trackers", "events"):
        named: dict[str, Any] = {}
        for answer in answers:
            for entry in named_entries(answer, key):
                known = named.setdefault(entry["token"], entry)
                if known is not entry and known.get("name") is None:
                    named[entry["token"]] = entry
        if named:
            merged[key] = list(named.values())
    if kpis or "kpis" in merged:
        merged["kpis"] = list(kpis)
    return merged


def named_entries(parameters: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """Return the trackers or events that an answer lists apart from its figures, as `{token, name}`."""
    entries = parameters.get(key)
    if not isinstance(entries, list):
        return []
    return [entry for entry in entries if isinstance(entry, dict) and isinstance(entry.get("token"), str)]


def names_by_level(parameters: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the names of trackers and events by token, if an answer lists them apart from its figures."""
    names: dict[str, dict[str, Any]] = {}
    for key in ("trackers", "events"):
        of_level = names[key] = {}
        for entry in named_entries(parameters, key):
            if isinstance(name := entry.get("name"), str):
                of_level.setdefault(entry["token"], name)
    return names
