"""Requests that the Report Service refuses, in its own words."""

from collections.abc import Iterable

from adjust_async.emulator.http.refusals import RefusalError

_VALIDATION_ERROR = "validation_error"
_REQUEST_ERROR = "request_error"


def missing(parameters: Iterable[str]) -> RefusalError:
    """Refuse a request without parameters that it must have."""
    details = [{"loc": [name], "msg": "field required", "type": "value_error.missing"} for name in parameters]
    return RefusalError(400, "Required parameters are missing", error_code=_VALIDATION_ERROR, details=details)


def invalid(parameter: str, message: str) -> RefusalError:
    """Refuse an invalid value."""
    details = [{"loc": [parameter], "msg": message, "type": "value_error"}]
    return RefusalError(400, f"{parameter} is not valid", error_code=_VALIDATION_ERROR, details=details)


def unsupported(metrics: Iterable[str]) -> RefusalError:
    """Refuse unknown metrics, in the words that callers saw."""
    details = [f"Unsupported metric: {name}" for name in metrics]
    return RefusalError(400, "Unsupported metric", error_code=_REQUEST_ERROR, details=details)


def unknown(what: str, names: Iterable[str]) -> RefusalError:
    """Refuse unknown names; `what` says in the plural what they should name."""
    details = [f"Unknown {what}: {name}" for name in names]
    return RefusalError(400, f"Unknown {what}", error_code=_REQUEST_ERROR, details=details)
