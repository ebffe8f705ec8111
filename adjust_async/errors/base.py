"""The base of all errors, and the errors that are raised without a request."""

import sys
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, TypeVar

__all__ = [
    "AdjustError",
    "ClientClosedError",
    "ConfigurationError",
    "CoordinationError",
    "LockLostError",
    "NotTriedError",
    "PlanError",
    "replace",
]

Error = TypeVar("Error", bound="AdjustError")

IN_DOUBT = "The service may have done it all the same: look it up before you send it again."


class AdjustError(Exception):
    """The base class of all errors of this package.

    Attributes:
        message: What went wrong. `str(error)` adds the request and what to do next.
        service: `"api"` for the Campaign API and the KPI Service, `"reports"` for the Report Service, otherwise `None`.
        attempts: How many times the request was sent; `None` if nothing was sent.
        request_id: The service's id of the request, for Adjust's support; `None` if the service sent none.
        cursor: The cursor of the page that failed; `None` outside of walks and on the first page. To resume, pass it to
            the same call as `after=` (walking backwards: `before=`; Campaign API v2: `cursor=`).
        page: The number of that page, counted from 1 at the start of the walk; `None` outside of walks.
        result: The `ProvisionResult` up to this error if the error ended `provision`, otherwise `None`.
        looked_up: Whether `provision` has confirmed by a look-up that the failed create did nothing.
    """

    service: str | None = None
    attempts: int | None = None
    cursor: str | None = None
    page: int | None = None
    request_id: str | None = None
    result: Any = None
    looked_up: bool = False
    _hint: ClassVar[str] = ""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    @property
    def in_doubt(self) -> bool:
        """Whether the create that failed may have taken effect, so that it must be looked up before it is repeated."""
        return getattr(self, "method", None) == "POST" and not self.looked_up and self._may_have_been_done()

    @property
    def hint(self) -> str:
        """What to do next; empty if there is no advice."""
        return self._hint

    def __str__(self) -> str:
        # Log lines often hold only this text, so the error of a request names its class.
        is_of_request = getattr(self, "method", None) is not None
        return self._whole_text([type(self).__name__] if is_of_request else [])

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._whole_text([])!r})"

    def _whole_text(self, first_details: list[str]) -> str:
        text, details = self._text(), "; ".join([*first_details, *self._details()])
        if self.in_doubt:
            text = f"{text.rstrip('.')}. {IN_DOUBT}"
        return " ".join(filter(None, [text, self.hint, details and f"({details})"]))

    def _text(self) -> str:
        return self.message

    def _may_have_been_done(self) -> bool:
        return False

    def _details(self) -> Iterator[str]:
        if self.attempts:
            yield f"{self.attempts} attempt{'s' if self.attempts > 1 else ''}"
        if self.request_id:
            yield f"request id {self.request_id}"
        if self.page is not None and (self.attempts or self.page > 1):  # otherwise no page was requested
            yield f"page {self.page} of the walk" + (f"; resume with cursor {self.cursor!r}" if self.cursor else "")

    def __reduce__(self) -> tuple[Any, ...]:
        # An exception's own reduction loses keyword-only attributes. They come last: a result may hold the error.
        return _rebuild, (type(self), self.args), self.__dict__


def replace(error: Error, **changes: Any) -> Error:
    """Return a copy of an error with some attributes changed, such as `message`.

    The copy keeps the notes and the cause. It has no traceback until it is raised.
    """
    copied = _copied(error)
    vars(copied).update(changes)
    copied.args = (copied.message,)
    if notes := getattr(error, "__notes__", None):
        copied.__notes__ = list(notes)
    copied.__cause__ = error.__cause__
    return copied


def _copied(error: Error) -> Error:
    # copy.copy uses reducers registered for all exceptions: tblib, which Dask installs, copies the traceback too.
    copied = type(error).__new__(type(error), *error.args)
    vars(copied).update(vars(error))
    return copied


#: The number of characters that a short copy keeps of a message and of a body.
MESSAGE_LIMIT, BODY_LIMIT = 300, 100


def detached(error: Error, *, short: bool = False) -> Error:
    """Return a copy of an error without traceback and cause, whose frames would keep requests and answers alive.

    Args:
        error: The error.
        short: Whether to cut long texts.
    """
    copied = _copied(error)
    for name, limit in (("message", MESSAGE_LIMIT), ("body", BODY_LIMIT)) if short else ():
        text = getattr(error, name, "")
        if len(text) > limit:
            vars(copied)[name] = f"{text[:limit]}..."
    if short and (path := getattr(error, "path", None)):
        vars(copied)["path"] = sys.intern(path)  # thousands of errors share the path
    copied.args = (copied.message,)
    return copied


def _rebuild(cls: type[AdjustError], args: tuple[Any, ...]) -> AdjustError:
    return cls.__new__(cls, *args)


class ConfigurationError(AdjustError, ValueError):
    """An argument or a setting is wrong. Nothing was sent."""


class PlanError(ConfigurationError):
    """Entries of a plan are wrong. Nothing was created.

    Attributes:
        problems: Pairs of the number of an entry or a line, counted from 1, and what is wrong with it.
    """

    def __init__(self, message: str, *, problems: Sequence[tuple[int, str]] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)


class ClientClosedError(AdjustError):
    """The client was closed: before the call, or by another task during it.

    Attributes:
        method: The method of the request that was running; `None` if there was none.
        path: The path of that request, without query; `None` like `method`.
        sent: Whether that request may have reached the service.
    """

    method: str | None = None
    path: str | None = None
    sent: bool = False

    def _text(self) -> str:
        is_named = self.path is None or self.path in self.message
        return self.message if is_named else f"{self.method} {self.path}: {self.message}"

    def _may_have_been_done(self) -> bool:
        return self.sent


class NotTriedError(AdjustError):
    """Nothing was done for an entry of a plan: its parent failed, it was put off, or the run ended before."""


class CoordinationError(AdjustError):
    """The coordinator through which clients share their limits can't be reached. Nothing was sent."""


class LockLostError(CoordinationError):
    """The lock of an app expired, so another process may now create trackers there. Nothing was sent."""
