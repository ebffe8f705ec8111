"""A request to the Report Service, and what its refusals mean."""

import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from difflib import get_close_matches
from typing import Any, NoReturn, TypeVar

from adjust_async._http.error_answers import error_words
from adjust_async._http.messages import Answer, Body, RequestSpec
from adjust_async._http.session import Session
from adjust_async.errors import BadRequestError, DecodeError
from adjust_async.reports.parameters import column_name

__all__ = ["ALL_METRICS", "NO_CONTENT", "KnownNames", "names_of", "receiving", "refuse", "send_report", "spec_of"]

T = TypeVar("T")

ROOT = "/reports-service"

#: The status of an empty report.
NO_CONTENT = 204

#: The names that `filters_data` gave, by `metrics` and `dimensions`; while not all are known, as `some metrics`.
KnownNames = Mapping[str, Collection[str]]


def names_of(query: Mapping[str, str], argument: str) -> list[str]:
    """Give a list of names again that was encoded for the wire."""
    return query[argument].split(",")


def spec_of(endpoint: str, query: Mapping[str, str], decode: Callable[[Answer], T]) -> RequestSpec[T]:
    """Make the request for one of the service's endpoints."""
    return RequestSpec(method="GET", path=f"{ROOT}/{endpoint}", query=query, decode=decode, service="reports")


def receiving(
    endpoint: str, query: Mapping[str, str], accept: str, receive: Callable[[Body], Awaitable[T]]
) -> RequestSpec[T]:
    """Make the request for one of the service's endpoints, whose body is taken as it arrives."""
    return spec_of(endpoint, query, _not_decoded)._replace(accept=accept, receive=receive)


def _not_decoded(_: Answer) -> Any:
    raise AssertionError("the body was received")


def refuse(problem: str, location: str, endpoint: str, *, transient: bool = True) -> NoReturn:
    """Refuse a body; one that broke off or is something else (`transient`) is what another attempt may mend."""
    path = f"{ROOT}/{endpoint}"
    raise DecodeError(
        problem,
        location=location,
        method="GET",
        path=path,
        service="reports",
        malformed=transient,
        transient=transient,
    ) from None


async def send_report(session: Session, spec: RequestSpec[T], known: KnownNames) -> T:
    """Send a request for a report.

    Raises:
        BadRequestError: The service refused it; the message names the metric or dimension that it refused.
        AdjustError: As `Session.request` does.
    """
    try:
        return await session.request(spec)
    except BadRequestError as error:
        _explain(error, spec.query, known)
        raise


#: The lists that have every metric that an account can have; before all were asked for, none can be called unknown.
ALL_METRICS = frozenset(("overview_metrics", "cohort_metrics", "event_metrics", "cost_metrics"))


#: What a refusal of names says, whatever it says of them.
_SPEAKS_OF_NAMES = re.compile(
    "metric|dimension|unknown|invalid|unsupported|unrecogni[sz]ed|not (found|supported|available|exist|valid)",
    re.IGNORECASE,
)


def _explain(error: BadRequestError, query: Mapping[str, str], known: KnownNames) -> None:
    """Say in the message which of the names that were asked for the service refused, and which ones come near it."""
    words = error_words(error.body)
    if not _SPEAKS_OF_NAMES.search(words):
        return  # `day` and `app` are words too
    refused = []
    for argument in ("metrics", "dimensions"):
        # A dimension such as `currency` is also a parameter, which the service may mean.
        asked = [name for name in names_of(query, argument) if name not in query]
        named = [name for name in asked if _names(words, name)]
        # A service that repeats the whole question names nothing by that.
        if named and (len(named) < len(asked) or len(asked) == 1):
            refused += [_described(argument, name, known) for name in named]
        elif of_argument := known.get(argument):
            refused += [_described(argument, name, known) for name in asked if not _is_known(name, of_argument)]
    if refused:
        error.message = f"{error.message.rstrip('.')}. Look at {'; '.join(refused)}"
        if not known:
            error.message += ". adjust.reports.filters(['dimensions', 'overview_metrics', 'cohort_metrics', "
            error.message += "'event_metrics', 'cost_metrics']) gives the names that there are"
        error.args = (error.message,)


def _names(words: str, name: str) -> bool:
    return re.search(rf"(?<![A-Za-z0-9_]){re.escape(name)}(?![A-Za-z0-9_])", words, re.IGNORECASE) is not None


def _is_known(name: str, known: Collection[str]) -> bool:
    return name in known or column_name(name) in known


def _described(argument: str, name: str, known: KnownNames) -> str:
    text = f"the {argument[:-1]} {name!r}"
    # What came of any list may be near; that a name is unknown only all of them can say.
    of_argument = known.get(argument) or known.get(f"some {argument}", ())
    if of_argument and not _is_known(name, of_argument) and (near := get_close_matches(name, of_argument, 3)):
        text += f" (did you mean {' or '.join(map(repr, near))}?)"
    return text
