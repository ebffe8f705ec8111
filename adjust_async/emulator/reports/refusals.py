"""Requests that the Report Service refuses, in its own words."""

from collections.abc import Iterable, Sequence
from typing import Any

from adjust_async.emulator.http.refusals import RefusalError

VALIDATION_ERROR = "validation_error"
REQUEST_ERROR = "request_error"


class ReportRefusalError(RefusalError):
    """A request is refused with an `error_code` and details, which name everything that is wrong of its kind."""

    def __init__(self, status: int, message: str, error_code: str, details: Sequence[Any]) -> None:
        super().__init__(status, message)
        self.error_code = error_code
        self.details = details


def missing(parameters: Iterable[str]) -> ReportRefusalError:
    """Refuse a request without parameters that it must have."""
    details = [{"loc": [name], "msg": "field required", "type": "value_error.missing"} for name in parameters]
    return ReportRefusalError(400, "Required parameters are missing", VALIDATION_ERROR, details)


def invalid(parameter: str, message: str) -> ReportRefusalError:
    """Refuse a value that makes no sense."""
    details = [{"loc": [parameter], "msg": message, "type": "value_error"}]
    return ReportRefusalError(400, f"{parameter} is not valid", VALIDATION_ERROR, details)


def unknown(what: str, names: Iterable[str]) -> ReportRefusalError:
    """Refuse names that there are not, `what` being what they should name, in the plural."""
    details = [f"Unknown {what}: {name}" for name in names]
    return ReportRefusalError(400, f"Unknown {what}", REQUEST_ERROR, details)
