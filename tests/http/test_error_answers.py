"""Error answers as plain bytes: every malformed one becomes an error of this package."""

import json
import time

import pytest
from hypothesis import given, settings, strategies as st

from adjust_async._http.documents import parse_json, readable_text
from adjust_async._http.error_answers import raise_for_status
from adjust_async._http.messages import BODY_LIMIT, Answer, ServiceName
from adjust_async.errors import (
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    DecodeError,
    GoneError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
)
from tests.http.answers import answer, error_of

API_URL = "https://api.adjust.com"
TRACKER = {"token": "abc123", "name": "Adroll"}

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
error_keys = st.sampled_from(["error", "message", "error_desc", "error_code", "request_id", "detail", "data"])
error_documents = json_values | st.dictionaries(
    error_keys, json_values | st.dictionaries(error_keys, json_values, max_size=3), max_size=4
)
markup = st.text(alphabet="<>/titlescryph&; \n", max_size=60).map(str.encode)
bodies = st.binary(max_size=80) | error_documents.map(lambda value: json.dumps(value).encode()) | markup


# What an error status stands for.


@settings(deadline=None)
@given(
    st.integers(100, 999),
    bodies,
    st.dictionaries(
        st.sampled_from(["Retry-After", "Location", "X-Request-Id"]),
        st.text(st.characters(max_codepoint=255), max_size=30)
        | st.sampled_from(["http://[", "//[", "5", "-1", "1e999"]),
    ),
)
def test_any_answer_is_a_success_or_an_error_of_the_tree(status: int, body: bytes, headers: dict[str, str]) -> None:
    """With any bytes and headers, a status is a success or becomes an error of this package with a readable text."""
    given_headers = headers.items()
    got = Answer(method="GET", path="/p", status=status, headers={k.lower(): v for k, v in given_headers}, body=body)
    if status == 206:
        with pytest.raises(DecodeError):
            raise_for_status(got)
        return
    if 200 <= status < 300:
        raise_for_status(got)
        return
    with pytest.raises(APIStatusError) as caught:
        raise_for_status(got)
    error = caught.value
    assert (error.status, error.method, error.path) == (status, "GET", "/p")
    assert error.message
    assert str(error).startswith(f"GET /p answered {status}")
    assert error.retry_after is None or error.retry_after >= 0


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_a_success_raises_nothing(status: int) -> None:
    """Every 2xx status except 206 is a success, whatever its body."""
    raise_for_status(answer(status, b'{"error": {"message": "no"}}'))


@pytest.mark.parametrize(
    ("status", "cls"),
    [
        (100, APIStatusError),
        (199, APIStatusError),
        (300, APIStatusError),
        (304, APIStatusError),
        (400, BadRequestError),
        (401, AuthenticationError),
        (402, APIStatusError),
        (403, PermissionDeniedError),
        (404, NotFoundError),
        (410, GoneError),
        (422, APIStatusError),
        (429, RateLimitError),
        (499, APIStatusError),
        (500, ServerError),
        (504, ServerError),
        (599, ServerError),
        (999, ServerError),
    ],
)
def test_each_status_has_its_class(status: int, cls: type[APIStatusError]) -> None:
    """A status raises exactly its documented class, and others the base class."""
    assert type(error_of(status)) is cls


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('{"error": {"api_version": "v1", "message": "no such app"}}', "no such app"),
        ('{"error": "no such app"}', "no such app"),
        ('{"error_code": "auth_error", "error_desc": "no such app"}', "no such app"),
        ('{"message": "no such app"}', "no such app"),
        ('{"detail": "no such app"}', "no such app"),
        ('{"error": null, "message": "no such app"}', "no such app"),
        ('{"error": {"message": null, "detail": "no such app"}}', "no such app"),
        ('{"error": {"message": "", "error_desc": "no such app"}}', "no such app"),
        ('{"error": {"message": 17}}', "17"),
        ('"no such app"', "no such app"),
        ("no such app", "no such app"),
        ("  no \n such\tapp ", "no such app"),
        ("<html><head><title>\n 502 Bad\n Gateway</title></head><body>nginx</body></html>", "502 Bad Gateway"),
        ("<HTML><TITLE lang='en'>Oops</TITLE></HTML>", "Oops"),
        ("<html><style>p {}</style><script>x()</script><h1>Down</h1><p>for&nbsp;now</p></html>", "Down for now"),
        ("<title>a<title>b</title></title>", "a<title>b"),
        ('{"error": {"message": "cut off', '{"error": {"message": "cut off'),
        (b"\xff", "\ufffd"),
    ],
)
def test_the_words_of_the_service(body: bytes | str, message: str) -> None:
    """The message is the service's own, in each documented structure and in those that were seen live."""
    assert error_of(400, body).message == message


@pytest.mark.parametrize("body", ["5", '{"error":{}}', '{"reason":{"text":"no"}}', '{"message":true}'], ids=repr)
def test_a_body_of_unknown_structure_is_the_message(body: str) -> None:
    """If no message can be found, JSON of another structure is the message."""
    assert error_of(400, body).message == body


@pytest.mark.parametrize("body", [b"", b" ", b"\r\n"])
def test_an_empty_body_is_called_empty(body: bytes) -> None:
    """An error without a body says so."""
    assert error_of(502, body).message == "the body is empty"


@pytest.mark.parametrize(
    "body",
    ["null", "{}", "[]", "true", "<p>"],
)
def test_a_body_without_reason_says_so(body: str) -> None:
    """A body without a reason, in an undocumented structure, still leads to a readable error."""
    assert error_of(400, body).message == "the body has no error message"
    assert error_of(400, body).body == body


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('{"error": "", "message": "no such app"}', "no such app"),
        ('{"error": "validation_error", "error_desc": "no such app"}', "no such app"),
        ('{"error_desc": "Validation failed", "error_desc_details": ["metric: no such app"]}', "metric: no such app"),
        ('{"error_code": "service_error"}', "service_error"),
        ('{"errors": ["no such app"]}', "no such app"),
        ('["no such app"]', "no such app"),
        ('{"error": ["no such app"]}', "no such app"),
        ('{"error": {"message": {"app": "no such app"}}}', "no such app"),
        ("<html><title></title><h1>no such app</h1></html>", "no such app"),
        ("<title>app &amp; tracker &lt;x&gt;</title>", "app & tracker <x>"),
    ],
)
def test_no_words_of_the_service_are_lost(body: str, words: str) -> None:
    """If the body has a reason, the text of the error has it."""
    assert words in error_of(400, body).message


def test_a_byte_order_mark_is_passed_over() -> None:
    """A byte order mark before the JSON of a success has no effect."""
    assert parse_json(answer(200, b'\xef\xbb\xbf{"data": 1}')) == {"data": 1}


def test_a_byte_order_mark_hides_no_message() -> None:
    """A byte order mark before the JSON of an error leaves its message readable."""
    assert error_of(400, b'\xef\xbb\xbf{"error": {"message": "no such app"}}').message == "no such app"


@pytest.mark.parametrize("body", ["x" * 301, f"<title>{'x ' * 5000}</title>"])
def test_a_long_page_is_cut(body: str) -> None:
    """The message has only the start of a long page."""
    message = error_of(502, body).message
    assert len(message) == 300
    assert message.endswith("...")
    assert error_of(502, "x" * 300).message == "x" * 300


@pytest.mark.parametrize("unit", ["<script", "<style", "<title>", "<title", "<", "<script></scrip", "<title></titl"])
def test_no_page_takes_long_to_read(unit: str) -> None:
    """A page is read in a time proportional to its length, so that the event loop stays free."""
    # Eight times as long as the text of an answer can be: what grows with the square would take minutes.
    page = unit * (8 * BODY_LIMIT // len(unit))
    started = time.process_time()
    readable_text(page)
    assert time.process_time() - started < 60


def test_the_body_is_kept_up_to_a_limit() -> None:
    """An error has the text of its answer, cut after 64 KiB."""
    assert error_of(500, "x" * BODY_LIMIT).body == "x" * BODY_LIMIT
    assert error_of(500, "x" * (BODY_LIMIT + 1)).body == "x" * BODY_LIMIT
    assert error_of(500, b"\xff\xc3\xa4").body == "\ufffdä"


@pytest.mark.parametrize(
    ("body", "headers", "request_id"),
    [
        ('{"error": {"message": "m", "request_id": "r-1"}}', {"X-Request-Id": "r-2"}, "r-1"),
        ('{"error": {"message": "m"}}', {"X-Request-Id": "r-2"}, "r-2"),
        ('{"error": {"message": "m", "request_id": ""}}', {"x-request-id": "r-2"}, "r-2"),
        ('{"error": "m", "request_id": "r-1"}', {}, "r-1"),
        ('{"message": "m", "request_id": 17}', {}, "17"),
        ('{"error": {"message": "m", "request_id": null}}', {}, None),
        ("<html>", {"X-REQUEST-ID": "r-2"}, "r-2"),
        ('{"error": {"message": "m"}, "request_id": "r-1"}', {}, "r-1"),
    ],
)
def test_places_of_the_request_id(body: str, headers: dict[str, str], request_id: str | None) -> None:
    """The ID for Adjust's support is taken from the body, or else from the header."""
    assert error_of(400, body, headers).request_id == request_id


@pytest.mark.parametrize("service", ["api", "reports"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    ("location", "words"),
    [
        (
            "https://dash.adjust.com/login?x=1",
            "redirected to https://dash.adjust.com, to which the API token must not be sent",
        ),
        (
            "//dash.adjust.com:8443/x",
            "redirected to https://dash.adjust.com:8443, to which the API token must not be sent",
        ),
        ("http://api.adjust.com/", "redirected to http://api.adjust.com, to which the API token must not be sent"),
        ("/login", "redirected within itself"),
    ],
)
def test_a_redirect_that_was_not_followed(status: int, location: str, words: str, service: ServiceName) -> None:
    """A redirect is an error that names both origins, and the setting to check if the other one is elsewhere."""
    got = answer(status, "<title>Moved</title>", {"Location": location})
    with pytest.raises(APIStatusError) as caught:
        raise_for_status(got._replace(origin="https://api.adjust.com", service=service))
    assert caught.value.message.startswith(f"https://api.adjust.com {words}")
    setting = "reports_url" if service == "reports" else "api_url"
    assert (f"check {setting}" in caught.value.message) == ("must not be sent" in words)


def test_a_redirect_to_nowhere() -> None:
    """A redirect without `Location` is reported as such."""
    assert error_of(302, "<title>Moved</title>").message == "a redirect without a target"


@pytest.mark.parametrize("location", ["http://[", "//[bad", "https://[::1"])
def test_a_broken_redirect_is_an_error_of_the_tree(location: str) -> None:
    """A `Location` that is not a URL leaves the error of the status."""
    assert error_of(302, headers={"Location": location}).status == 302


def test_a_redirect_shows_no_credentials() -> None:
    """User name and password in a `Location`, as some proxies send, stay out of the text."""
    assert "s3cr3t" not in str(error_of(302, headers={"Location": "https://user:s3cr3t@login.example/"}))


def test_not_modified_is_not_a_redirect() -> None:
    """304 has no target, so the text must not mention a redirect."""
    assert "redirected" not in error_of(304).message


def test_a_part_is_not_a_complete_answer() -> None:
    """206 is not a success: the whole was requested, and may be requested again."""
    with pytest.raises(DecodeError, match="only a part of the answer arrived") as caught:
        raise_for_status(answer(206, '{"data": {"items": []}}'))
    assert caught.value.transient


@pytest.mark.parametrize(
    ("body", "in_envelope"),
    [
        ('{"error": {"message": "no"}}', True),
        ('{"error": {"api_version": "v1", "request_id": "r", "timestamp": "t", "message": "no"}}', True),
        ('{"error": "no"}', False),
        ('{"error": {}}', False),
        ('{"error": {"message": null}}', False),
        ('{"error": {"detail": "no"}}', False),
        ('{"message": "no"}', False),
        ('{"error_code": "validation_error", "error_desc": "no"}', False),
        ("[]", False),
        ("<title>no</title>", False),
        ('{"error": {"message": "n', False),
        ("", False),
    ],
)
def test_recognising_the_envelope_of_the_service(body: str, in_envelope: bool) -> None:
    """Only the Campaign API's own envelope proves that the service itself refused, and so that nothing was done."""
    assert error_of(400, body).in_envelope is in_envelope
