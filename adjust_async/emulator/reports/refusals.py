"""The Report Service's refusals, in its own words."""

from collections.abc import Iterable

from adjust_async.emulator.http.refusals import RefusalError

_VALIDATION_ERROR = "validation_error"
_REQUEST_ERROR = "request_error"


def missing(parameters: Iterable[str]) -> RefusalError:
    """Return the refusal of a request without required parameters."""
    details = [{"loc": [name], "msg": "field required", "type": "value_error.missing"} for name in parameters]
    return RefusalError(400, "Required parameters are missing", error_code=_VALIDATION_ERROR, details=details)


def invalid(parameter: str, message: str) -> RefusalError:
    """Return the refusal of an invalid value."""
    details = [{"loc": [parameter], "msg": message, "type": "value_error"}]
    return RefusalError(400, f"{parameter} is not valid", error_code=_VALIDATION_ERROR, details=details)


def unsupported(metrics: Iterable[str]) -> RefusalError:
    """Return the refusal of unknown metrics, in the words that callers have seen."""
    details = [f"Unsupported metric: {name}" for name in metrics]
    return RefusalError(400, "Unsupported metric", error_code=_REQUEST_ERROR, details=details)


def unknown(what: str, names: Iterable[str]) -> RefusalError:
    """Return the refusal of unknown names; `what` is the plural noun for them."""
    details = [f"Unknown {what}: {name}" for name in names]
    return RefusalError(400, f"Unknown {what}", error_code=_REQUEST_ERROR, details=details)
