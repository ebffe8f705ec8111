"""What a download has to be: no page of a gateway, no login page, no JSON document."""

from adjust_async.errors import MalformedError

__all__ = ["check_media_type", "check_not_a_page"]

#: The media types of pages and of errors, which services send in place of a report.
_OTHERS = frozenset(
    ("application/json", "application/xhtml+xml", "application/xml", "text/html", "text/json", "text/xml")
)

#: Characters that an error quotes.
EXCERPT = 60


def check_media_type(media_type: str, format_name: str, begin: str) -> None:
    """Refuse a body that calls itself a page or a JSON document. Asking again would bring the same.

    Args:
        media_type: The header `Content-Type`; empty where there is none.
        format_name: What it should be, such as `"CSV"`.
        begin: The beginning of the body, without secrets.

    Raises:
        MalformedError: It is of such a type.
    """
    name = media_type.partition(";")[0].strip().lower()
    if name in _OTHERS or name.endswith(("+json", "problem+xml")):
        raise MalformedError(f"the answer is no {format_name} but {name}; it begins with {begin[:EXCERPT]!r}", "line 1")


def check_not_a_page(begin: str, format_name: str) -> None:
    """Refuse a body that begins as a page or a JSON document does, whatever it calls itself.

    Raises:
        MalformedError: It does.
    """
    if begin[:1] in {"<", "{", "["}:
        raise MalformedError(f"the answer is no {format_name}; it begins with {begin[:EXCERPT]!r}", "line 1")
