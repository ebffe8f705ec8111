"""The tree of errors: their messages, and what survives a pickle."""

import copy
import pickle
import re
from typing import Any

import pytest
from hypothesis import given, strategies as st

from adjust_async import errors
from adjust_async.errors import (
    AdjustError,
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    ClientClosedError,
    ConfigurationError,
    DecodeError,
    GoneError,
    NotFoundError,
    PaginationError,
    PermissionDeniedError,
    PoolExhaustedError,
    RateLimitError,
    ServerError,
    replace,
)


def at_page(error: AdjustError, page: int, cursor: str | None) -> AdjustError:
    """Return the error of a walk that ended at a page."""
    return replace(error, page=page, cursor=cursor)


STATUS_ERRORS: list[tuple[type[APIStatusError], int]] = [
    (APIStatusError, 418),
    (BadRequestError, 400),
    (AuthenticationError, 401),
    (PermissionDeniedError, 403),
    (NotFoundError, 404),
    (GoneError, 410),
    (RateLimitError, 429),
    (ServerError, 503),
]

texts = st.text(max_size=20)
optional_texts = st.none() | texts
seconds = st.none() | st.floats(min_value=0, allow_infinity=False)


def all_classes() -> list[type[AdjustError]]:
    """Return every class of the tree, whether exported or not."""
    found: list[type[AdjustError]] = []
    waiting: list[type[AdjustError]] = [AdjustError]
    while waiting:
        cls = waiting.pop()
        found.append(cls)
        waiting.extend(child for child in cls.__subclasses__() if child.__module__.startswith(errors.__name__))
    return found


def arguments_of(cls: type[AdjustError]) -> st.SearchStrategy[dict[str, Any]]:
    """Return the keyword arguments that the class can be built with."""
    where = {"method": st.sampled_from(["GET", "POST", "PATCH"]), "path": texts}
    if issubclass(cls, APIStatusError):
        rest = {
            "status": st.integers(0, 999),
            "request_id": optional_texts,
            "body": texts,
            "retry_after": seconds,
            "in_envelope": st.booleans(),
        }
        return st.fixed_dictionaries({**where, **rest})
    if issubclass(cls, APIConnectionError):
        return st.fixed_dictionaries({**where, "sent": st.booleans(), "transient": st.booleans()})
    if issubclass(cls, DecodeError):
        rest = {"location": texts, "request_id": optional_texts, "body": texts}
        rest |= {"malformed": st.booleans(), "transient": st.booleans()}
        return st.fixed_dictionaries({**where, **rest})
    if issubclass(cls, PaginationError):
        return st.fixed_dictionaries({"cursor": optional_texts, "page": st.integers()})
    return st.just({})


@st.composite
def any_error(draw: st.DrawFn) -> AdjustError:
    """Return an error of any class of the tree, perhaps one that ended a walk."""
    cls: Any = draw(st.sampled_from(all_classes()))
    error: AdjustError = cls(draw(texts), **draw(arguments_of(cls)))
    if draw(st.booleans()):
        error = at_page(error, draw(st.integers(1, 9)), draw(optional_texts))
    if draw(st.booleans()):
        error = replace(error, attempts=draw(st.integers(1, 99)), service=draw(st.sampled_from(["api", "reports"])))
    if draw(st.booleans()):
        error.add_note(draw(texts))
    return error


def status_error(cls: type[APIStatusError] = BadRequestError, status: int = 400, **rest: Any) -> APIStatusError:
    """Return an error of a status, with a usual request."""
    return cls(rest.pop("message", "no such KPI"), status=status, method="GET", path="/p", **rest)


@given(any_error(), st.integers(0, pickle.HIGHEST_PROTOCOL))
def test_pickles_hold_all(error: AdjustError, protocol: int) -> None:
    """A pickled error of any class keeps its class, its arguments, its attributes and its text."""
    came = pickle.loads(pickle.dumps(error, protocol))
    assert type(came) is type(error)
    assert came.args == error.args
    assert vars(came) == vars(error)
    assert str(came) == str(error)
    assert repr(came) == repr(error)


@given(any_error())
def test_copies_hold_all(error: AdjustError) -> None:
    """An error can be copied, flat and deep, with all its attributes."""
    for came in (copy.copy(error), copy.deepcopy(error)):
        assert came is not error
        assert type(came) is type(error)
        assert (came.args, vars(came)) == (error.args, vars(error))


def test_the_class_attributes_survive_a_pickle() -> None:
    """An error outside of a walk has no page after a pickle, and one within a walk keeps both."""
    plain = pickle.loads(pickle.dumps(status_error()))
    assert (plain.page, plain.cursor) == (None, None)
    walking = pickle.loads(pickle.dumps(at_page(status_error(), 3, "abc")))
    assert (walking.page, walking.cursor) == (3, "abc")


def test_a_subclass_of_a_user_survives_a_pickle() -> None:
    """A class that a user derives, with its own signature, survives a pickle, too."""
    came = pickle.loads(pickle.dumps(UserError(7)))
    assert type(came) is UserError
    assert (came.number, came.message) == (7, "number 7")


class UserError(AdjustError):
    """An error whose constructor does not take a message."""

    def __init__(self, number: int) -> None:
        super().__init__(f"number {number}")
        self.number = number


def test_the_tree_of_the_docstring_is_the_tree_of_the_code() -> None:
    """The module docstring draws every class below the class that it derives from, and no other."""
    drawn: dict[str, str | None] = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"    ((?:│   |    )*)(├── |└── |)([A-Z]\w+Error)\b", line)
        if match:
            depth = (len(match[1]) + len(match[2])) // 4
            drawn[match[3]] = above[depth - 1] if depth else None
            above[depth:] = [match[3]]
    in_code = {
        cls.__name__: None if cls is AdjustError else next(base.__name__ for base in cls.__bases__)
        for cls in all_classes()
    }
    assert drawn == in_code


def test_all_is_sorted_and_complete() -> None:
    """`__all__` names every class of the tree, in order."""
    assert errors.__all__ == sorted(errors.__all__)
    assert set(errors.__all__) == {cls.__name__ for cls in all_classes()}


@pytest.mark.parametrize("cls", all_classes(), ids=lambda cls: cls.__name__)
def test_each_class_is_documented(cls: type[AdjustError]) -> None:
    """Each class has a docstring of its own."""
    assert cls.__doc__
    assert cls.__doc__ not in {base.__doc__ for base in cls.__mro__[1:]}


def test_a_configuration_error_is_a_value_error() -> None:
    """Callers that don't know the SDK can catch a wrong argument as `ValueError`."""
    assert issubclass(ConfigurationError, ValueError)
    assert str(ConfigurationError("size is 0")) == "size is 0"
    assert str(ClientClosedError("closed")) == "closed"


@pytest.mark.parametrize(("cls", "status"), STATUS_ERRORS)
def test_a_status_error_says_where_what_and_what_to_do(cls: type[APIStatusError], status: int) -> None:
    """The text has method, path, status and message, tells the reader what to do if possible, and ends with the id."""
    error = status_error(cls, status, request_id="r-1", retry_after=1.5, body="{}")
    text = str(error)
    assert text.startswith(f"GET /p answered {status} ")
    assert ": no such KPI. The service asked to wait 1.5 s." in text
    assert error.hint in text
    assert text.endswith("Error; request id r-1)")
    assert error.message == "no such KPI"
    assert (error.status, error.method, error.path) == (status, "GET", "/p")
    assert (error.request_id, error.body, error.retry_after) == ("r-1", "{}", 1.5)


def test_a_status_error_says_no_more_than_it_knows() -> None:
    """Without a request id and a wait, the text has neither."""
    assert str(status_error()) == "GET /p answered 400 Bad Request: no such KPI. (BadRequestError)"
    error = status_error()
    assert (error.request_id, error.body, error.retry_after) == (None, "", None)


@pytest.mark.parametrize(
    ("cls", "hint"),
    [
        (AuthenticationError, "Check the API token"),
        (PermissionDeniedError, "ask an administrator"),
        (NotFoundError, "Check the app token"),
        (RateLimitError, "Lower max_concurrency or max_rate"),
    ],
)
def test_hints_teach_the_fix(cls: type[APIStatusError], hint: str) -> None:
    """If the caller can do something, the text says what."""
    assert hint in str(status_error(cls, 400))


@pytest.mark.parametrize(("status", "phrase"), [(404, "404 Not Found:"), (499, "499:"), (599, "599:"), (0, "0:")])
def test_a_status_without_phrase_is_its_number(status: int, phrase: str) -> None:
    """A status without a name in HTTP is shown as its number."""
    assert f" answered {phrase} " in str(status_error(APIStatusError, status))


def test_a_zero_wait_is_reported() -> None:
    """A wait of 0 s differs from none."""
    assert "asked to wait 0 s" in str(status_error(retry_after=0.0))


@pytest.mark.parametrize("method", ["GET", "PATCH", "POST"])
@pytest.mark.parametrize("sent", [True, False])
@pytest.mark.parametrize("cls", [APIConnectionError, APITimeoutError, PoolExhaustedError])
def test_only_a_post_that_was_sent_warns(cls: type[APIConnectionError], sent: bool, method: str) -> None:
    """The text asks to look up a create only if it may have happened."""
    error = cls("broke.", method=method, path="/p", sent=sent)
    text = str(error)
    assert text.startswith(f"{method} /p: broke.")
    assert ("look it up before you send it again" in text) == (method == "POST" and sent)


def test_a_connection_error_is_pessimistic_by_default() -> None:
    """By default, a request may have arrived, and another attempt may help."""
    error = APIConnectionError("broke", method="GET", path="/p")
    assert error.sent is True
    assert error.transient is True


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_decode_error_says_where_in_the_document(method: str) -> None:
    """The text holds the location, and after a POST the warning that it may have been done."""
    error = DecodeError("expected text", location="$.data.items[3].name", method=method, path="/p")
    assert str(error).startswith(f"{method} /p: expected text (at $.data.items[3].name).")
    assert ("look it up before you send it again" in str(error)) == (method == "POST")
    assert (error.request_id, error.body, error.malformed) == (None, "", False)


@pytest.mark.parametrize(
    ("cursor", "expected"),
    [(None, "boom (page 2 of the walk)"), ("a'b", 'boom (page 2 of the walk; resume with cursor "a\'b")')],
)
def test_an_error_of_a_walk_says_where_to_resume(cursor: str | None, expected: str) -> None:
    """The text of an error that ended a walk has the page, and the cursor to resume with if there is one."""
    error = AdjustError("boom")
    assert str(at_page(error, 2, cursor)) == expected
    assert (str(error), error.page, error.cursor) == ("boom", None, None)


def test_a_circle_does_not_advise_to_walk_it_again() -> None:
    """A repeated cursor is reported, but not as the place to resume: that would repeat the loop."""
    error = PaginationError("the service gave the cursor 'abc' a second time", cursor="abc", page=3)
    assert error.cursor == "abc"
    assert str(error) == "the service gave the cursor 'abc' a second time"
    assert "resume with cursor" not in str(error)


# Modified copies.


@given(any_error(), texts)
def test_replace_alters_only_the_copy(error: AdjustError, message: str) -> None:
    """`replace` returns an error of the same class with changes; the error itself is unchanged."""
    before = (error.args, dict(vars(error)), list(getattr(error, "__notes__", [])))
    copied = replace(error, message=message)
    copied.add_note("later")
    assert type(copied) is type(error)
    assert (copied.message, copied.args) == (message, (message,))
    assert (error.args, dict(vars(error)), list(getattr(error, "__notes__", []))) == before


def test_a_copy_has_no_traceback_and_keeps_cause_and_notes() -> None:
    """The traceback of a copy starts at its own `raise`, so it has none of the earlier frames."""
    try:
        raise AdjustError("boom") from KeyError("why")
    except AdjustError as raised:
        error = raised
    error.add_note("a note")
    copied = replace(error, message="bang")
    assert copied.__traceback__ is None
    assert isinstance(copied.__cause__, KeyError)
    assert copied.__notes__ == ["a note"]


# Texts.


@pytest.mark.parametrize(
    ("attempts", "expected"),
    [
        (None, ""),
        (1, "1 attempt"),
        (3, "3 attempts"),
    ],
)
def test_texts_say_how_many_attempts_were_made(attempts: int | None, expected: str) -> None:
    """The text and the `repr` of an error that ended a call have its class, the request, and the number of attempts."""
    error = replace(status_error(), attempts=attempts)
    text = "GET /p answered 400 Bad Request: no such KPI."
    assert str(error) == f"{text} ({'; '.join(filter(None, ['BadRequestError', expected]))})"
    assert repr(error) == f"BadRequestError({' '.join(filter(None, [text, expected and f'({expected})']))!r})"


def test_a_page_is_named_if_one_was_requested() -> None:
    """Before the first page of a walk was requested there is none to name; later ones are always named."""
    assert "page" not in str(at_page(APIConnectionError("x", method="GET", path="/p"), 1, None))
    assert "page 1 of the walk" in str(at_page(replace(status_error(), attempts=1), 1, None))
    assert "page 2 of the walk" in str(at_page(APIConnectionError("x", method="GET", path="/p"), 2, "abc"))


def test_errors_without_a_status_say_their_request_too() -> None:
    """The text and `repr` of every error that ended a call have the class, the method and the path."""
    where: dict[str, Any] = {"method": "GET", "path": "/p"}
    errors: list[AdjustError] = [
        APIConnectionError("x", **where),
        APITimeoutError("x", **where),
        DecodeError("x", location="$", **where),
        PaginationError("x", cursor="c", page=2, **where),
        replace(ClientClosedError("x"), **where),
    ]
    for error in errors:
        for text in (str(error), repr(error)):
            assert "GET /p" in text
            assert type(error).__name__ in text
            assert text.count("/p") == 1


def test_all_details_are_together() -> None:
    """Attempts, request id and page are together at the end."""
    error = at_page(replace(status_error(request_id="r-1"), attempts=2), 3, "abc")
    assert str(error).endswith(
        " (BadRequestError; 2 attempts; request id r-1; page 3 of the walk; resume with cursor 'abc')"
    )


@pytest.mark.parametrize(
    ("cls", "status", "words"),
    [
        (RateLimitError, 429, "Lower max_concurrency or reports_max_rate, or raise reports_deadline"),
        (GoneError, 410, "switched this API off for the account."),
    ],
)
def test_hints_name_the_settings_of_the_service(cls: type[APIStatusError], status: int, words: str) -> None:
    """An error of the Report Service names its settings, and does not suggest switching to itself."""
    assert words in str(status_error(cls, status, service="reports"))
    assert "adjust.reports" in str(status_error(GoneError, 410, service="api"))


# Doubt.

POST: dict[str, Any] = {"method": "POST", "path": "/p"}


@pytest.mark.parametrize("retry_after", [None, 0.0, 5.0])
@given(status=st.integers(300, 999), in_envelope=st.booleans())
def test_which_status_leaves_a_create_in_doubt(status: int, in_envelope: bool, retry_after: float | None) -> None:
    """Only 425, 429 and a refusal in the service's own envelope prove that nothing was done; `Retry-After` does not."""
    error = APIStatusError("x", status=status, retry_after=retry_after, in_envelope=in_envelope, **POST)
    certain = status in {425, 429} or (in_envelope and status in {400, 401, 403, 404, 422})
    assert error.in_doubt is not certain
    assert ("look it up before you send it again" in str(error)) is error.in_doubt
    assert not replace(error, method="PATCH").in_doubt
    assert not replace(error, looked_up=True).in_doubt


@pytest.mark.parametrize(
    ("where", "in_doubt"),
    [({}, False), (POST, False), ({**POST, "sent": True}, True), ({**POST, "sent": True, "method": "GET"}, False)],
)
def test_closing_may_leave_a_create_in_doubt(where: dict[str, Any], in_doubt: bool) -> None:
    """A create that was running when the client was closed may have been done."""
    error = replace(ClientClosedError("closed"), **where)
    assert error.in_doubt is in_doubt
    assert ("look it up" in str(error)) is in_doubt
