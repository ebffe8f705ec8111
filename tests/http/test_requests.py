"""The requests that specs stand for: their URLs, headers and bodies, as httpx would make them of the whole text."""

from typing import Any
from urllib.parse import quote, urlencode

import httpx
import orjson
import pytest
from hypothesis import example, given, strategies as st

from adjust_async._http.messages import RequestSpec
from adjust_async._http.requests import RequestBuilder, located
from adjust_async._http.services import Service, services
from tests.http.test_services import TOKEN, config

HOSTS = [
    "https://api.adjust.com",
    "https://API.Adjust.com",
    "https://api.adjust.com:443",
    "http://127.0.0.1:8080",
    "http://127.0.0.1:80",
    "http://[::1]:8080",
    "https://[2001:DB8::1]",
    "https://gateway.example/adjust",
    "https://gateway.example/a~b/c.d",
]


def service(url: str = "https://api.adjust.com", **changed: Any) -> Service:
    """Give the service of the Campaign API, at a place."""
    return services(config(api_url=url, **changed))["api"]


def spec(path: str = "/public/v1/apps", **more: Any) -> RequestSpec[None]:
    """Give a spec."""
    return RequestSpec(method=more.pop("method", "GET"), path=path, decode=lambda _: None, **more)


segments = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", min_size=1, max_size=12)
paths = st.lists(segments, min_size=1, max_size=6).map(lambda parts: "/" + "/".join(parts))
#: All that can be sent: texts with half of a character can't.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


def same(one: httpx.URL, other: httpx.URL) -> None:
    """Check that two URLs are the same in all that is done with them."""
    assert one == other
    assert str(one) == str(other)
    assert hash(one) == hash(other)
    for name in ("scheme", "raw_host", "host", "port", "netloc", "path", "raw_path", "query", "params", "userinfo"):
        assert getattr(one, name) == getattr(other, name), name


@given(base=st.sampled_from(HOSTS), path=paths, query=st.dictionaries(texts, texts, max_size=5))
@example(base=HOSTS[0], path="/a", query={})
@example(base=HOSTS[0], path="/a", query={"": ""})
@example(base=HOSTS[0], path="/a", query={"q": "%41 + / ? # [] ' \" ~ \x00 \n é 日 😀"})
def test_a_located_url_is_what_httpx_makes_of_the_text(base: str, path: str, query: dict[str, str]) -> None:
    """Wherever the service is, and whatever the query holds, the URL is that of the whole text."""
    encoded = urlencode(query, quote_via=quote)
    whole = httpx.URL(f"{base}{path}?{encoded}" if encoded else f"{base}{path}")
    at = httpx.URL(base)
    same(located(at, path, encoded), whole)
    assert at == httpx.URL(base), "the base was changed"


@given(base=st.sampled_from(HOSTS), path=paths, query=st.dictionaries(texts, texts, max_size=5))
def test_a_request_is_what_httpx_makes_of_the_text(base: str, path: str, query: dict[str, str]) -> None:
    """A request goes where its service is, a path of the service's own included, with the same head as httpx's."""
    request = RequestBuilder(service(base), TOKEN).build(spec(path, query=query))
    whole = httpx.Request(
        "GET", f"{service(base).url}{path}" + (f"?{urlencode(query, quote_via=quote)}" if query else "")
    )
    same(request.url, whole.url)
    assert request.headers.raw[0] == whole.headers.raw[0] == (b"Host", whole.url.netloc)


def test_the_headers_of_a_request() -> None:
    """Each request says who asks and what is wanted, once each."""
    built = RequestBuilder(service(), TOKEN).build(spec())
    assert sorted(built.headers) == ["accept", "accept-encoding", "authorization", "host", "user-agent"]
    assert built.headers["authorization"] == f"Token token={TOKEN}"
    assert built.headers["accept"] == "application/json"
    assert (built.method, built.read()) == ("GET", b"")


def test_a_body_is_json() -> None:
    """A body goes as JSON, with its length."""
    body = {"name": "é", "label": None}
    built = RequestBuilder(service(), TOKEN).build(spec(method="POST", body=body))
    assert orjson.loads(built.read()) == body
    assert built.headers["content-type"] == "application/json"
    assert built.headers["content-length"] == str(len(built.read()))


def test_an_empty_body_is_a_body() -> None:
    """A body without fields is sent as that, and not left out."""
    built = RequestBuilder(service(), TOKEN).build(spec(method="PUT", body={}))
    assert built.read() == b"{}"
    assert built.headers["content-type"] == "application/json"


def test_requests_share_nothing_that_changes() -> None:
    """What one request has for itself, or is given later, no other has."""
    builder = RequestBuilder(service(), TOKEN)
    first = builder.build(spec())
    first.headers["X-Mine"] = "1"
    posted = builder.build(spec(method="POST", body={"name": "a"}, accept="text/csv"))
    assert posted.headers["accept"] == "text/csv"
    last = builder.build(spec())
    assert sorted(last.headers) == ["accept", "accept-encoding", "authorization", "host", "user-agent"]
    assert last.headers["accept"] == "application/json"


@pytest.mark.parametrize("url", HOSTS)
def test_timeouts_go_with_each_request(url: str) -> None:
    """The timeouts of the service are those of the request."""
    built = RequestBuilder(service(url, timeout=8.0), TOKEN).build(spec())
    assert built.extensions["timeout"] == {"connect": 4.0, "read": 8.0, "write": 8.0, "pool": 4.0}
