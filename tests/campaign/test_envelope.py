"""The Campaign API's envelope and the links in it, as plain bytes."""

import json
from typing import Any

import httpx
import pytest
from hypothesis import given, strategies as st

from adjust_async.campaign.envelope import envelope, only_record, query_of_link, records
from adjust_async.campaign.models import Partner, Tracker
from adjust_async.errors import (
    DecodeError,
)
from tests.http.answers import answer, decode_error_of

API_URL = "https://api.adjust.com"
TRACKER = {"token": "abc123", "name": "Adroll"}

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@given(st.binary(max_size=60) | json_values.map(lambda value: json.dumps(value).encode()))
def test_any_success_is_an_envelope_or_a_decode_error(body: bytes) -> None:
    """Whatever the bytes of a successful answer, they are an envelope or end in `DecodeError`."""
    try:
        data, items = envelope(answer(200, body))
    except DecodeError:
        return
    assert data["items"] is items


@pytest.mark.parametrize(
    ("body", "location"),
    [
        ("null", "$.data"),
        ("[]", "$.data"),
        ('"data"', "$.data"),
        ("{}", "$.data"),
        ('{"data": null}', "$.data"),
        ('{"data": []}', "$.data"),
        ('{"error": {"message": "no"}}', "$"),
        ('{"data": {}}', "$.data.items"),
        ('{"data": {"items": null}}', "$.data.items"),
        ('{"data": {"items": {}}}', "$.data.items"),
        ('{"data": {"items": ""}}', "$.data.items"),
    ],
)
def test_another_structure_is_not_an_envelope(body: str, location: str) -> None:
    """JSON without data or without a list of items is reported with its place, and not as malformed."""
    error = decode_error_of(body, envelope)
    assert (error.location, error.malformed) == (location, False)


def test_records_have_the_fields_that_the_request_knows() -> None:
    """Fields that are known from the request win over the answer, and the answer is not changed."""
    items: list[Any] = [{**TRACKER, "app_token": "wrong", "new": 1}]
    [record] = records(answer(200), items, Tracker, {"app_token": "app", "parent_token": None})
    assert (record.app_token, record.parent_token, record.extra) == ("app", None, {"new": 1})
    assert items == [{**TRACKER, "app_token": "wrong", "new": 1}]
    assert records(answer(200), [], Tracker, {}) == []


@pytest.mark.parametrize("known", [{}, {"app_token": "app"}])
@pytest.mark.parametrize("item", [None, 5, "abc", [], [["token", "a"]]])
def test_an_item_that_is_not_an_object_is_reported(item: object, known: dict[str, str]) -> None:
    """An item that is not an object is refused with its place, even if fields are added to the others."""
    with pytest.raises(DecodeError, match="expected an object") as caught:
        records(answer(200, b"{}"), [TRACKER, item], Tracker, known)
    assert caught.value.location == "$.data.items[1]"
    assert (caught.value.malformed, caught.value.body) == (False, "{}")


def test_the_place_of_a_wrong_field() -> None:
    """A wrong field is reported with its place in the whole document."""
    body = json.dumps({"data": {"items": [{"id": "x", "display_name": "y"}]}})
    error = decode_error_of(body, lambda got: only_record(got, Partner, {}))
    assert error.location == "$.data.items[0].id"
    assert error.message == "expected a whole number, found 'x'"


@pytest.mark.parametrize("count", [0, 2])
def test_a_create_answers_with_one_item(count: int) -> None:
    """No item, or several, are refused if one is expected."""
    error = decode_error_of(
        json.dumps({"data": {"items": [TRACKER] * count}}), lambda got: only_record(got, Tracker, {})
    )
    assert (error.message, error.location) == (f"expected one item, found {count}", "$.data.items")


def test_one_item_is_the_record() -> None:
    """The single item is returned, with the fields of the request."""
    got = only_record(answer(201, json.dumps({"data": {"items": [TRACKER]}})), Tracker, {"app_token": "app"})
    assert got == Tracker(token="abc123", name="Adroll", app_token="app")


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        (None, {}),
        ("", {}),
        (f"{API_URL}/public/v1/partners?after=abc&limit=50", {"after": "abc", "limit": "50"}),
        (f"{API_URL}:443/x?after=abc", {"after": "abc"}),
        ("HTTPS://API.ADJUST.COM/x?after=abc", {"after": "abc"}),
        ("/public/v1/partners?after=abc", {"after": "abc"}),
        ("?after=abc", {"after": "abc"}),
        ("//api.adjust.com/x?after=abc", {"after": "abc"}),
        (f"{API_URL}/x?after=a%2Bb%3D%3D%20%26", {"after": "a+b== &"}),
        (f"{API_URL}/x?after=&limit=5", {"limit": "5"}),
        (f"{API_URL}/x", {}),
        (f"{API_URL}/x#after=abc", {}),
        ("http://api.adjust.com/x?after=abc", {}),
        ("https://api.adjust.com:8443/x?after=abc", {}),
        ("https://api.adjust.com.evil.example/x?after=abc", {}),
        ("https://api.adjust.com@evil.example/x?after=abc", {}),
        ("https://evil.example/https://api.adjust.com/x?after=abc", {}),
        ("https://evil.example#@api.adjust.com/x?after=abc", {}),
        ("//evil.example/x?after=abc", {}),
        ("javascript:x?after=abc", {}),
        ("https://[bad?after=abc", {}),
        ("https://api.adjust.com:port/x?after=abc", {}),
        ("https://api.adjust.com:99999/x?after=abc", {}),
    ],
)
def test_only_links_to_the_same_origin_are_read(link: str | None, expected: dict[str, str]) -> None:
    """The query of a link is read only if scheme, host and port are those of `api_url`."""
    assert query_of_link(link, API_URL) == expected


@pytest.mark.parametrize("api_url", ["http://127.0.0.1:8000", "http://[::1]:8000", "https://example.com/prefix"])
def test_links_to_other_urls_of_the_service(api_url: str) -> None:
    """The origin that counts is that of the setting, including its port."""
    assert query_of_link(f"{api_url}/x?after=abc", api_url) == {"after": "abc"}
    assert query_of_link(f"{API_URL}/x?after=abc", api_url) == {}


@given(st.text(max_size=30), st.sampled_from(["after", "before", "cursor"]))
def test_a_cursor_goes_through_a_link_unchanged(cursor: str, name: str) -> None:
    """Any cursor in a link is read back from the usual encoding."""
    link = str(httpx.URL(f"{API_URL}/public/v1/partners", params={name: cursor, "limit": "5"}))
    assert query_of_link(link, API_URL) == ({name: cursor, "limit": "5"} if cursor else {"limit": "5"})


@given(st.text(max_size=40) | st.text(alphabet="htps:/@[]?#=&%\\api.djustcome", max_size=60))
def test_any_link_is_read_or_left(link: str) -> None:
    """A link of any form is read or ignored, and raises nothing."""
    got = query_of_link(link, API_URL)
    assert all(got.values())


@given(st.sampled_from(["https://", "//", "https:\\\\", "https:/", "\thttps://", "https:///"]), st.text(max_size=12))
def test_no_other_host_is_taken_for_the_own(scheme: str, tail: str) -> None:
    """A link that httpx would follow to another host is never read."""
    link = f"{scheme}evil.example/{tail}?after=abc"
    try:
        target = httpx.URL(API_URL).join(link)
    except (httpx.InvalidURL, ValueError):
        return
    if target.host != "api.adjust.com":
        assert query_of_link(link, API_URL) == {}
