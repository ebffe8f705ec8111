"""The Campaign API's success envelope, and the records in it."""

from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urljoin, urlsplit

from adjust_async._http.documents import decode_error, decode_errors, parse_json
from adjust_async._http.messages import Answer
from adjust_async._records import structure_records

T = TypeVar("T")

__all__ = ["envelope", "only_record", "query_of_link", "records"]


def envelope(answer: Answer) -> tuple[Mapping[str, Any], list[Any]]:
    """Return the `data` object of the Campaign API's success envelope, and the list of `items` in it.

    Raises:
        DecodeError: The answer has another structure.
    """
    document = parse_json(answer)
    data = document.get("data") if isinstance(document, Mapping) else None
    if not isinstance(data, Mapping):
        raise decode_error(answer, "$.data", "expected an object {'data': {'items': [...]}}")
    items = data.get("items")
    if not isinstance(items, list):
        raise decode_error(answer, "$.data.items", "expected a list of items")
    return data, items


def records(answer: Answer, items: list[Any], cls: type[T], known: Mapping[str, Any]) -> list[T]:
    """Return a record for each item of the envelope. `known` has fields that are known from the request.

    Raises:
        DecodeError: An item is not as expected. The error says which item, and where in it.
    """
    with decode_errors(answer):
        return structure_records(items, cls, known, "$.data.items")


def only_record(answer: Answer, cls: type[T], known: Mapping[str, Any]) -> T:
    """Return the record in the answer to a create or an update.

    Raises:
        DecodeError: There is not exactly one item, or it is not as expected.
    """
    _, items = envelope(answer)
    if len(items) != 1:
        raise decode_error(answer, "$.data.items", f"expected one item, found {len(items)}")
    return records(answer, items, cls, known)[0]


def query_of_link(link: str | None, api_url: str) -> dict[str, str]:
    """Return the query of a link; empty without a link, or if its scheme, host or port differs from `api_url`'s."""
    if link is None:
        return {}
    try:
        if _origin(urljoin(api_url, link)) != _origin(api_url):
            return {}
        return dict(parse_qsl(urlsplit(link).query))
    except ValueError:
        return {}


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)
