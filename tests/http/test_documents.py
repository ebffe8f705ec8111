"""Reading JSON documents, as plain bytes."""

import pytest

from adjust_async._http.documents import optional_integer, optional_text, parse_json
from tests.http.answers import answer, decode_error_of


@pytest.mark.parametrize(
    ("body", "words", "transient"),
    [
        (b"", "it is empty", True),
        (b" \n", "it is empty", True),
        (b"<html><title>Log in</title></html>", "it is HTML or XML: Log in", False),
        (b"  <!doctype html><p>Hello</p>", "it is HTML or XML: Hello", False),
        (b'{"data": {"items": [', "it is cut after 20 bytes", True),
        (b'{"data": ', "it is cut after 9 bytes", True),
        (b"nan", "it starts with 'nan'", False),
        (b'{"data": nan}', "it starts with '{\"data\": nan}'", False),
        (b"token,clicks\nabc,1\n", "it starts with 'token,clicks", False),
        (b'{"data": {}} trailing', "it starts with", False),
        (b'{"a": "\xe4"}', "it is not encoded in UTF-8", False),
    ],
)
def test_invalid_json_is_described(body: bytes, words: str, transient: bool) -> None:
    """An answer that is not JSON is described. Another attempt may help only if it was cut."""
    error = decode_error_of(body, parse_json, **{"X-Request-Id": "r-2"})
    assert words in error.message
    assert (error.malformed, error.transient, error.location, error.request_id) == (True, transient, "$", "r-2")
    assert error.body == body.decode(errors="replace")
    assert (error.service, error.__cause__, error.__context__) == ("api", None, None)
    assert (error.method, error.path) == ("GET", "/p")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('{"rows": [], "error_code": "service_error"}', "service_error"),
        ('{"rows": [], "error_code": "service_error", "error_desc": "later"}', "later (service_error)"),
        ('{"result_set": {}, "error": "no such KPI"}', "no such KPI"),
        ('{"result_set": {}, "error": {"message": "no such KPI"}}', "no such KPI"),
        ('{"data": {"items": []}, "errors": ["a", "b"]}', "a; b"),
        ('{"rows": [], "success": false, "message": "no"}', "no"),
        ('{"rows": [], "status": "error"}', "error"),
        ('{"rows": [], "error": true}', "error"),
    ],
)
def test_a_document_with_an_error_is_an_error(body: str, words: str) -> None:
    """Whatever its other keys and its status, a document with an error is an error, and is final."""
    error = decode_error_of(body, parse_json)
    assert error.message.startswith("the answer is an error in spite of its status 200: ")
    assert words in error.message
    assert (error.malformed, error.transient, error.location) == (False, False, "$")


@pytest.mark.parametrize("nothing", ["null", '""', "[]", "{}", "false"])
def test_an_empty_error_is_not_an_error(nothing: str) -> None:
    """Some services always send the key, with an empty value if nothing failed."""
    assert parse_json(answer(200, f'{{"rows": [], "error": {nothing}, "status": "ok", "success": true}}'))


def test_a_key_that_comes_twice_is_final() -> None:
    """A document with a repeated key would be the same again."""
    error = decode_error_of('{"rows": [1], "rows": []}', parse_json)
    assert "the key 'rows' appears twice" in error.message
    assert (error.malformed, error.transient) == (False, False)


DOCUMENT = '{"data": {"items": [{"token": "a\\u00e4ä\\"", "t": true, "f": false, "n": null, "x": -1.5e3}]}}'.encode()


@pytest.mark.parametrize("length", range(1, len(DOCUMENT)))
def test_json_that_is_cut_is_reported_as_such(length: int) -> None:
    """Wherever an answer is cut, even within a multi-byte character, the error says so."""
    assert f"it is cut after {length} bytes" in decode_error_of(DOCUMENT[:length], parse_json).message


@pytest.mark.parametrize("body", [b"\xff\xfe{}", b'{"a": "\xe4"}', b'{"a": "\xe4", "b": 1}'])
def test_a_wrong_encoding_is_not_called_cut(body: bytes) -> None:
    """A complete document in another encoding than UTF-8 is reported as such."""
    message = decode_error_of(body, parse_json).message
    assert "is cut" not in message
    assert "UTF-8" in message


def test_html_behind_a_byte_order_mark_is_html() -> None:
    """A page with a byte order mark is reported as a page."""
    assert "it is HTML" in decode_error_of(b"\xef\xbb\xbf<html><title>Log in</title>", parse_json).message


# The small readers.


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("", None),
        ("a", "a"),
        (" ", " "),
        ("0", "0"),
        (5, "5"),
        (0, "0"),
        (2**63, str(2**63)),
        (True, None),
        (False, None),
        (1.5, None),
        ([], None),
        ({}, None),
    ],
)
def test_optional_text(value: object, expected: str | None) -> None:
    """Null, empty and absent are `None`, a whole number becomes its digits, and other types are `None`."""
    assert optional_text(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (5, 5),
        (0, 0),
        (-1, -1),
        ("50", 50),
        ("050", 50),
        ("9" * 18, 10**18 - 1),
        ("9" * 19, None),
        ("9" * 5000, None),
        ("", None),
        ("-1", None),
        ("5\n", None),
        ("5.0", None),
        ("٥", None),
        (True, None),
        (1.0, None),
        ([], None),
    ],
)
def test_optional_integer(value: object, expected: int | None) -> None:
    """Whole numbers are read from both forms, and anything else, however long, is `None`."""
    got = optional_integer(value)
    assert got == expected
    assert type(got) is type(expected)
