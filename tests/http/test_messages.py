"""An answer, as the APIs get it."""

import httpx

from adjust_async._http.messages import BODY_LIMIT, Answer


def answer(body: bytes) -> Answer:
    """Return an answer with a body."""
    return Answer("GET", "/p", 200, httpx.Headers(), body)


def test_the_text_is_cut_to_what_an_error_keeps() -> None:
    """However large a body is, its text is limited, and a cut character is not an error."""
    assert len(answer(b"x" * 1_000_000).text) == BODY_LIMIT == 65536
    assert answer("é".encode() * BODY_LIMIT).text == "é" * (BODY_LIMIT // 2)
    assert answer(b"x" + "é".encode() * BODY_LIMIT).text.endswith("\ufffd")


def test_the_text_has_no_byte_order_mark() -> None:
    """A byte order mark is not part of the text."""
    assert answer(b"\xef\xbb\xbfabc").text == "abc"


def test_where_has_the_fields_of_errors() -> None:
    """Method, path and service go into every error."""
    assert Answer("PATCH", "/p", 200, {}, b"", service="reports").where == {
        "method": "PATCH",
        "path": "/p",
        "service": "reports",
    }
