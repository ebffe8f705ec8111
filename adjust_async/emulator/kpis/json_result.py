"""An answer as JSON: `result_parameters`, and a `result_set` whose levels nest in the order of the grouping."""

from typing import Any

import orjson

from adjust_async.emulator.kpis.answers import Answer

_RESULT_PARAMETERS_ORDER = (
    "kpis", "start_date", "end_date", "sandbox", "countries", "events", "trackers", "grouping", "period",
)  # fmt: skip


def write_json(answer: Answer) -> bytes:
    """Return the answer as JSON. Elements without figures are left out, so elements may differ in their children."""
    return orjson.dumps({"result_parameters": _parameters(answer), "result_set": _result_set(answer)})


def _parameters(answer: Answer) -> dict[str, Any]:
    parameters = dict(answer.query.echo)
    keys = {level.key for level in answer.query.levels}
    if answer.events or "events" in keys:
        parameters["events"] = answer.events
    if "trackers" in keys:
        parameters["trackers"] = answer.trackers
    order = [name for name in _RESULT_PARAMETERS_ORDER if name in parameters]
    return {name: parameters[name] for name in [*order, *(name for name in parameters if name not in order)]}


def _result_set(answer: Answer) -> dict[str, Any]:
    levels = [level.key for level in answer.query.levels]
    root: dict[str, Any] = {levels[0]: []}
    if len(answer.query.apps) == 1:
        (app,) = answer.query.apps
        root = {"token": app.token, "name": app.name, "currency": app.currency.iso_code, **root}
    known: dict[tuple[Any, ...], dict[str, Any]] = {}
    innermost = len(levels) - 1
    for leaf in answer.leaves:
        node = root
        path: tuple[Any, ...] = ()
        for depth, element in enumerate(leaf.elements):
            if depth == innermost:
                node[levels[depth]].append(element.head | {"kpi_values": leaf.values})
                break
            path = (*path, element.key)
            child = known.get(path)
            if child is None:
                known[path] = child = element.head | {levels[depth + 1]: []}
                node[levels[depth]].append(child)
            node = child
    return root
