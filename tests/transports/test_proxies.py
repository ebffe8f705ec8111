"""The proxy that the environment sets for a host."""

import os
from collections.abc import Mapping

import httpx
import pytest
from hypothesis import given, strategies as st

from adjust_async.errors import ConfigurationError
from adjust_async.transports.origins import Origin
from adjust_async.transports.proxies import Proxies, Proxy
from tests.loopback import answer
from tests.peer import Peer
from tests.transports.peers import failure, make, scripted, send

SCHEMES = frozenset({"http", "https"})
API = Origin("https", "api.adjust.com", 443)


def proxy_of(origin: Origin, environment: Mapping[str, str], *, trust_env: bool = True) -> Proxy | None:
    """Return the proxy of an origin in an environment."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.lower().endswith("_proxy"):
                patch.delenv(name)
        for name, value in environment.items():
            patch.setenv(name, value)
        return Proxies(None, SCHEMES, trust_env=trust_env).of(origin)


@pytest.mark.parametrize(
    ("environment", "origin", "proxy"),
    [
        ({"https_proxy": "http://proxy:1"}, API, "proxy:1 (from https_proxy)"),
        ({"HTTPS_PROXY": "http://proxy:1"}, API, "proxy:1 (from HTTPS_PROXY)"),
        ({"https_proxy": "http://proxy:1", "HTTPS_PROXY": "http://other:1"}, API, "proxy:1 (from https_proxy)"),
        ({"https_proxy": "", "HTTPS_PROXY": "http://other:1"}, API, None),
        ({"HTTPS_PROXY": "proxy:1"}, API, "proxy:1 (from HTTPS_PROXY)"),
        ({"HTTPS_PROXY": "http://proxy"}, API, "proxy:80 (from HTTPS_PROXY)"),
        ({"HTTPS_PROXY": "https://proxy"}, API, "proxy:443 (from HTTPS_PROXY)"),
        ({"HTTPS_PROXY": "http://[2001:db8::1]:3128"}, API, "[2001:db8::1]:3128 (from HTTPS_PROXY)"),
        ({"HTTPS_PROXY": "http://user:p4ss@proxy:1/"}, API, "proxy:1 (from HTTPS_PROXY)"),
        ({"ALL_PROXY": "http://proxy:2"}, API, "proxy:2 (from ALL_PROXY)"),
        ({"ALL_PROXY": "http://proxy:2", "HTTPS_PROXY": "http://proxy:1"}, API, "proxy:1 (from HTTPS_PROXY)"),
        ({"HTTP_PROXY": "http://proxy:3"}, API, None),
        ({"HTTP_PROXY": "http://proxy:3"}, Origin("http", "a.b", 80), "proxy:3 (from HTTP_PROXY)"),
        ({"HTTP_PROXY": "http://proxy:3", "REQUEST_METHOD": "GET"}, Origin("http", "a.b", 80), None),  # httpoxy
    ],
)
def test_which_variable(environment: dict[str, str], origin: Origin, proxy: str | None) -> None:
    """The proxy is that of the scheme, or that for all; messages name it and its variable, without the password."""
    found = proxy_of(origin, environment)
    assert (None if found is None else str(found)) == proxy
    assert "p4ss" not in repr(found)
    assert proxy_of(origin, environment, trust_env=False) is None


@pytest.mark.parametrize("host", ["localhost", "api.localhost", "127.0.0.1", "127.8.8.8", "::1"])
def test_never_for_this_machine(host: str) -> None:
    """Requests to this machine never use a proxy, not even one that can't be used."""
    assert proxy_of(Origin("http", host, 80), {"ALL_PROXY": "http://proxy:2", "HTTP_PROXY": "http://[::1"}) is None


@pytest.mark.parametrize(
    ("no_proxy", "origin", "excluded"),
    [
        ("*", API, True),
        ("api.adjust.com", API, True),
        ("API.Adjust.COM", API, True),
        ("adjust.com", API, True),
        (".adjust.com", API, True),
        ("*.adjust.com", API, True),
        ("*.adjust.com", Origin("https", "adjust.com", 443), False),
        ("adjust.com", Origin("https", "adjust.com", 443), True),
        ("adjust.com", Origin("https", "notadjust.com", 443), False),
        ("*.adjust.com", Origin("https", "notadjust.com", 443), False),
        ("api.adjust.com", Origin("https", "automate.adjust.com", 443), False),
        ("a.b, *.adjust.com", API, True),
        ("a.b *.adjust.com", API, True),
        ("a.b,,", API, False),
        ("", API, False),
        (".", API, False),
        ("adjust.com:443", API, True),
        ("adjust.com:8443", API, False),
        ("*.adjust.com:8443", Origin("https", "api.adjust.com", 8443), True),
        ("https://api.adjust.com", API, True),
        ("http://api.adjust.com", API, False),
        ("all://*.adjust.com", API, True),
        ("adjust.com", Origin("https", "api.adjust.com.", 443), True),
        ("10.0.0.0/8", Origin("https", "10.1.2.3", 443), True),
        ("10.1.2.3/8", Origin("https", "10.9.9.9", 443), True),
        ("10.0.0.0/8", Origin("https", "11.1.2.3", 443), False),
        ("10.0.0.0/8", API, False),
        ("10.1.2.3", Origin("https", "10.1.2.3", 443), True),
        ("10.1.2.3:443", Origin("https", "10.1.2.3", 443), True),
        ("2001:db8::/32", Origin("https", "2001:db8::1", 443), True),
        ("[2001:db8::1]:443", Origin("https", "2001:db8::1", 443), True),
        ("2001:db8::1", Origin("https", "2001:0db8::0001", 443), True),
        ("2001:db8::/32", Origin("https", "10.1.2.3", 443), False),
    ],
)
def test_no_proxy(no_proxy: str, origin: Origin, excluded: bool) -> None:
    """`NO_PROXY` names hosts, domains, addresses and networks, with or without scheme and port."""
    assert (proxy_of(origin, {"ALL_PROXY": "http://proxy:2", "NO_PROXY": no_proxy}) is None) is excluded


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_no_proxy_takes_any_text(no_proxy: str) -> None:
    """Any content of `NO_PROXY` is followed or ignored, without an error."""
    found = proxy_of(API, {"ALL_PROXY": "http://proxy:2", "NO_PROXY": no_proxy})
    assert found is None or found.address == "proxy:2"


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
def test_a_proxy_of_any_text(url: str) -> None:
    """Any content of a variable is a proxy, or a configuration error that names the variable."""
    found: Proxy | None = None
    words = "HTTPS_PROXY "
    try:
        found = proxy_of(API, {"HTTPS_PROXY": url})
    except ConfigurationError as error:
        words = str(error)
    assert words.startswith("HTTPS_PROXY ")
    assert found is None or found.scheme in SCHEMES


@pytest.mark.parametrize(
    "url",
    ["http://[::1", "http://user:p4ssword@[::1", "http://", "http://user:p4ssword@", "http://a:99999", "http://a:b"],
)
def test_invalid_proxies(url: str) -> None:
    """A variable without a valid proxy is a configuration error, which does not repeat what may be a password."""
    with pytest.raises(ConfigurationError, match="HTTPS_PROXY") as raised:
        proxy_of(API, {"HTTPS_PROXY": url})
    assert "p4ssword" not in str(raised.value)
    assert raised.value.__cause__ is None


def test_a_port_that_is_too_high() -> None:
    """The message names the port, and not the host."""
    with pytest.raises(ConfigurationError, match="HTTPS_PROXY has the port 99999, and the highest is 65535"):
        proxy_of(API, {"HTTPS_PROXY": "http://proxy:99999"})


def test_socks() -> None:
    """For a SOCKS proxy, the message names the transport that supports it, and what that needs."""
    with pytest.raises(ConfigurationError, match="use PooledTransport"):
        proxy_of(API, {"ALL_PROXY": "socks5://user:p4ssword@proxy"})
    with (
        pytest.MonkeyPatch.context() as patch,
        pytest.raises(ConfigurationError, match=r"pip install 'httpx\[socks\]'") as raised,
    ):
        patch.setattr("adjust_async.transports.proxies.find_spec", lambda _: None)
        make("PooledTransport", proxy="socks5://user:p4ssword@proxy")
    assert "p4ssword" not in str(raised.value)


@pytest.mark.anyio
async def test_a_proxy_from_the_environment_is_used(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first request to a host reads the environment; an unusable proxy fails it before anything is sent."""
    taken: list[bytes] = []

    async def proxy(peer: Peer) -> None:
        taken.append(await peer.request())
        await peer.send(answer(b"hello"))

    async with scripted(proxy) as listener, make(kind, 1) as transport:
        monkeypatch.setenv("HTTP_PROXY", listener.url)
        assert await send(transport, "http://adjust.invalid/report") == b"hello"
        assert taken[0].startswith(b"GET http://adjust.invalid/report HTTP/1.1\r\n")
        monkeypatch.setenv("HTTPS_PROXY", "http://[::1")
        for _ in range(3):
            with pytest.raises(ConfigurationError, match="HTTPS_PROXY"):
                await send(transport, "https://adjust.invalid")
        monkeypatch.setenv("NO_PROXY", "adjust.invalid")
        error = await failure(transport, "https://adjust.invalid", connect=5)
        assert isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout))
