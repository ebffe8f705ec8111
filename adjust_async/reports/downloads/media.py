"""Check that a download is not an error page, a login page or a JSON document."""

from adjust_async.errors import MalformedError

__all__ = ["check_media_type", "check_not_a_page"]

#: The media types of pages and errors, which services may send instead of a report.
_OTHERS = frozenset(
    ("application/json", "application/xhtml+xml", "application/xml", "text/html", "text/json", "text/xml")
)

#: The number of characters that an error quotes.
EXCERPT = 60


def check_media_type(media_type: str, format_name: str, begin: str) -> None:
    """Refuse a body whose media type is that of a page or a JSON document. Another attempt would return the same.

    Args:
        media_type: The header `Content-Type`; empty without one.
        format_name: The expected format, such as `"CSV"`.
        begin: The beginning of the body, without secrets.

    Raises:
        MalformedError: It has such a type.
    """
    name = media_type.partition(";")[0].strip().lower()
    if name in _OTHERS or name.endswith(("+json", "problem+xml")):
        problem = f"the answer is not {format_name} but {name}; it begins with {begin[:EXCERPT]!r}"
        raise MalformedError(problem, "line 1")


def check_not_a_page(begin: str, format_name: str) -> None:
    """Refuse a body that begins like a page or a JSON document, whatever its media type.

    Raises:
        MalformedError: It begins like one.
    """
    if begin[:1] in {"<", "{", "["}:
        raise MalformedError(f"the answer is not {format_name}; it begins with {begin[:EXCERPT]!r}", "line 1")
