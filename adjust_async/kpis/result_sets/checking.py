"""Check that every element of a result set has the documented structure, and one value for each KPI."""

from types import NoneType

from adjust_async._checks import shown
from adjust_async._http.error_words import is_failure
from adjust_async.errors import MalformedError
from adjust_async.kpis.result_sets.levels import IDENTIFYING_KEYS, LEVELS, is_level

__all__ = ["check_element"]

#: `bool` is a subclass of `int`, so the types themselves are compared.
_NUMBERS = frozenset({int, float, NoneType})


def check_element(element: object, kpis: int) -> None:
    """Check an app, or another element, and all levels below it.

    Raises:
        MalformedError: The first fault; its location starts at the element.
    """
    if not isinstance(element, dict):
        raise MalformedError(f"expected an object, found {shown(element)}")
    for key, value in element.items():
        if key == "kpi_values":
            _check_values(value, kpis)
        elif is_level(key, value) and not is_failure(key, value):
            for index, inner in enumerate(value):
                try:
                    check_element(inner, kpis)
                except MalformedError as error:
                    raise error.below(f".{key}[{index}]") from None
        else:
            _check_own(key, value)


def _check_own(key: str, value: object) -> None:
    if key in IDENTIFYING_KEYS:
        if not isinstance(value, (str, int, NoneType)):
            raise MalformedError(f"expected text, found {shown(value)}", f".{key}")
    elif is_failure(key, value):
        raise MalformedError(f"the answer has an error here: {shown(value)}", f".{key}")
    elif key in LEVELS and value is not None:
        raise MalformedError(f"expected a list of objects, found {shown(value)}", f".{key}")


def _check_values(values: object, kpis: int) -> None:
    if not isinstance(values, list):
        raise MalformedError(f"expected a list of numbers, found {shown(values)}", ".kpi_values")
    if len(values) != kpis:
        raise MalformedError(f"the number of values is {len(values)}, and the number of KPIs is {kpis}", ".kpi_values")
    for index, value in enumerate(values):
        if type(value) not in _NUMBERS:
            raise MalformedError(f"expected a number or null, found {shown(value)}", f".kpi_values[{index}]")
