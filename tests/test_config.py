"""The settings of a client: their checks, their sources, and the token that never shows."""

import math
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, strategies as st

from adjust_async._hosts import is_loopback
from adjust_async._tokens import APIToken
from adjust_async.config import API_URL, REPORTS_URL, Config, Retry
from adjust_async.errors import AdjustError, ConfigurationError
from tests.settings import config_of

TOKEN = "s3cr3t-T0ken"


def read(token: str | None = TOKEN, **settings: Any) -> Config:
    """Return a configuration, with defaults for everything that a test does not set."""
    return config_of(APIToken.find() if token is None else APIToken(token), **settings)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty home directory, and clear Adjust's settings from the environment."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("ADJUST_API_TOKEN", raising=False)
    monkeypatch.delenv("ADJUST_API_URL", raising=False)
    monkeypatch.delenv("ADJUST_REPORTS_URL", raising=False)
    monkeypatch.delenv("ADJUST_INSECURE_HOSTS", raising=False)
    return tmp_path


def test_the_defaults_of_hosts() -> None:
    """By default, Adjust's own hosts are used."""
    assert read().api.url == API_URL == "https://api.adjust.com"
    assert read().reports.url == REPORTS_URL == "https://automate.adjust.com"


def test_an_emulator_is_asked_for_reports_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """If `api_url` is on this machine, reports are requested there too; otherwise they are requested from Adjust."""
    assert read(api_url="http://127.0.0.1:8080/").reports.url == "http://127.0.0.1:8080"
    assert read(api_url="http://localhost").reports.url == "http://localhost"
    assert read(api_url="https://gateway.example/adjust").reports.url == REPORTS_URL
    monkeypatch.setenv("ADJUST_API_URL", "http://[::1]:9")
    assert read().reports.url == "http://[::1]:9"
    monkeypatch.setenv("ADJUST_REPORTS_URL", "https://dash.adjust.com/control-center")
    assert read().reports.url == "https://dash.adjust.com/control-center"
    assert read(reports_url="https://reports.example").reports.url == "https://reports.example"


def test_settings_are_kept_as_passed() -> None:
    """Each setting is stored where it belongs: those of a host with the host."""
    of_api: dict[str, Any] = {"max_rate": 0.5, "burst": 3, "timeout": None, "deadline": 7}
    of_reports: dict[str, Any] = {"max_rate": None, "burst": 5, "timeout": 8.5, "deadline": None}
    of_all: dict[str, Any] = {
        "campaign_version": "v2",
        "max_concurrency": 1,
        "max_attempts": 1,
        "max_body_size": 5,
        "account_id": "42",
        "on_retry": print,
    }
    config = read(**of_all, **of_api, **{f"reports_{name}": value for name, value in of_reports.items()})
    assert {name: getattr(config, name) for name in of_all} == of_all
    assert {name: getattr(config.api, name) for name in of_api} == of_api
    assert {name: getattr(config.reports, name) for name in of_reports} == of_reports
    assert (config.api.authorization, config.reports.authorization) == ("Token token=", "Bearer ")


def test_the_defaults() -> None:
    """The defaults are those documented by `AsyncAdjust`."""
    config = read()
    assert (config.max_concurrency, config.max_attempts, config.max_body_size) == (50, 10, 1024**3)
    assert (config.api.max_rate, config.api.timeout, config.api.deadline) == (None, 30, 120)
    assert (config.reports.max_rate, config.reports.burst) == (50, 90)
    assert (config.reports.timeout, config.reports.deadline) == (300, 900)


def test_a_configuration_is_frozen() -> None:
    """The settings of a client can't be changed."""
    with pytest.raises(AttributeError):
        read().max_concurrency = 2  # type: ignore[misc]  # what is tested is that it fails


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            {"reports_url": "http://reports.example"},
            "reports_url is 'http://reports.example': the API token would cross",
        ),
        (
            {"reports_url": "https://automate.adjust.com/reports-service"},
            "reports_url is 'https://auto...ports-service': leave out the path",
        ),
        ({"account_id": "a b"}, "account_id is 'a b'"),
        ({"reports_max_rate": 0}, "reports_max_rate is 0: pass requests a second above 0"),
        ({"reports_burst": 0}, "reports_burst is 0"),
        ({"reports_timeout": -1}, "reports_timeout is -1"),
        ({"reports_deadline": "1"}, "reports_deadline is '1'"),
        ({"campaign_version": "v3"}, "campaign_version is 'v3': pass 'v1' or 'v2'"),
        ({"campaign_version": None}, "campaign_version is None: pass 'v1' or 'v2'"),
        ({"campaign_version": ["v1"]}, "campaign_version is"),
        ({"max_concurrency": 0}, "max_concurrency is 0: pass a whole number of at least 1"),
        ({"max_concurrency": True}, "max_concurrency is True"),
        ({"max_concurrency": None}, "max_concurrency is None"),
        ({"max_attempts": 0}, "max_attempts is 0: pass a whole number"),
        ({"max_attempts": 2.0}, "max_attempts is 2.0"),
        ({"max_rate": 0}, "max_rate is 0: pass requests a second above 0, or None"),
        ({"max_body_size": 0}, "max_body_size is 0: pass a whole number"),
        ({"max_body_size": None}, "max_body_size is None: pass a whole number"),
        ({"max_rate": "5"}, "max_rate is '5'"),
        ({"timeout": -1}, "timeout is -1: pass seconds above 0, or None"),
        ({"timeout": math.nan}, "timeout is nan"),
        ({"deadline": math.inf}, "deadline is inf"),
        ({"deadline": True}, "deadline is True"),
        ({"max_rate": 5, "burst": 0}, "burst is 0: pass a whole number"),
        ({"burst": 5}, "burst is passed without max_rate: pass both, or neither"),
        ({"on_retry": 5}, "on_retry is 5: pass a plain function that takes a Retry"),
        ({"api_url": 5}, "api_url is 5: pass it as text, such as 'https://api.adjust.com'"),
    ],
)
def test_a_wrong_setting_is_named(settings: dict[str, Any], words: str) -> None:
    """Each wrong setting is refused with its name, its value, and what would be right."""
    with pytest.raises(ConfigurationError) as caught:
        read(**settings)
    assert str(caught.value).startswith(words)


def test_an_asynchronous_on_retry_is_refused() -> None:
    """A coroutine function would never be awaited, so it is refused at once."""

    async def on_retry(retry: Retry) -> None:
        raise NotImplementedError

    with pytest.raises(ConfigurationError, match="on_retry"):
        read(on_retry=on_retry)


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://api.adjust.com", "https://api.adjust.com"),
        ("https://api.adjust.com/", "https://api.adjust.com"),
        ("https://api.adjust.com:8443//", "https://api.adjust.com:8443"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://127.9.9.9", "http://127.9.9.9"),
        ("http://localhost:1", "http://localhost:1"),
        ("http://LOCALHOST", "http://LOCALHOST"),
        ("http://adjust.localhost", "http://adjust.localhost"),
        ("http://[::1]:8000/", "http://[::1]:8000"),
    ],
)
def test_urls_that_are_allowed(url: str, kept: str) -> None:
    """Https is allowed to any host, http to this machine, and a trailing slash is removed."""
    assert read(api_url=url).api.url == kept


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "pass scheme and host"),
        ("api.adjust.com", "pass scheme and host"),
        ("https://", "pass scheme and host"),
        ("ftp://api.adjust.com", "pass scheme and host"),
        ("https://api.adjust.com?a=b", "pass only scheme and host"),
        ("https://api.adjust.com#a", "pass only scheme and host"),
        ("https://[bad", "pass scheme and host"),
        ("https://api.adjust.com:99999", "pass scheme and host"),
        ("https://api.adjust.com:port", "pass scheme and host"),
        ("https://user@api.adjust.com", "has a user name, a password"),
        ("https://@api.adjust.com", "has a user name, a password"),
        ("https://:@api.adjust.com", "has a user name, a password"),
        ("http://localhost@api.adjust.com", "has a user name, a password"),
        ("http://api.adjust.com", "the API token would cross the network in the clear. Use https"),
        ("http://127.0.0.1.evil.example", "in the clear"),
        ("http://localhost.evil.example", "in the clear"),
        ("http://evillocalhost", "in the clear"),
        ("http://0.0.0.0", "in the clear"),
        ("http://[::2]", "in the clear"),
        ("http://10.0.0.1", "in the clear"),
    ],
)
def test_urls_that_are_refused(url: str, words: str) -> None:
    """A URL that the token must not go to is refused, and the message says why."""
    with pytest.raises(ConfigurationError, match=r"^api_url ") as caught:
        read(api_url=url)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "https://api.adjust.com/public/v1",
        "https://api.adjust.com?",
        "https://api.adjust.com#",
        "https://api.adjust.com ",
        " https://api.adjust.com",
        "https://api.ad\njust.com",
        "https://api adjust.com",
        "https://\u2603.com",
    ],
)
def test_a_url_that_requests_cannot_be_made_of_is_refused(url: str) -> None:
    """A URL that is not just scheme and host is refused at once, instead of failing oddly at the first request."""
    with pytest.raises(ConfigurationError, match="api_url"):
        read(api_url=url)


@given(st.text(alphabet="htps:/@[]?#.%\\ \n1\u2603-", max_size=12).map(lambda tail: f"https://{tail}"))
def test_an_accepted_url_makes_requests_to_itself(url: str) -> None:
    """For every accepted URL, the path of a request stays a path, and httpx accepts it."""
    try:
        config = read(api_url=url)
    except ConfigurationError:
        return
    asked = httpx.URL(f"{config.api.url}/public/v1/partners")
    assert str(asked) == f"{config.api.url}/public/v1/partners"
    assert asked.path.endswith("/public/v1/partners")
    assert not asked.query


@pytest.mark.parametrize(
    "url",
    [
        f"https://api.adjust.com?user_token={TOKEN}",
        f"https://api.adjust.com#{TOKEN}",
        f"https://user:{TOKEN}@api.adjust.com",
        f"https://user:{TOKEN}@[bad",
        f"https://user:{TOKEN}@api.adjust.com:99999",
        f"ftp://user:{TOKEN}@api.adjust.com",
    ],
)
def test_a_refused_url_does_not_show_its_secrets(url: str) -> None:
    """Everything in a wrong URL but its host may be a password or a token, and is not in the message."""
    with pytest.raises(ConfigurationError) as caught:
        read(api_url=url)
    assert TOKEN not in f"{caught.value} {caught.value!r}"


def test_the_url_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """`ADJUST_API_URL` sets the host if the call does not; an empty one is ignored."""
    monkeypatch.setenv("ADJUST_API_URL", "http://127.0.0.1:8000/")
    assert read().api.url == "http://127.0.0.1:8000"
    assert read(api_url="https://example.com").api.url == "https://example.com"
    monkeypatch.setenv("ADJUST_API_URL", "")
    assert read().api.url == API_URL


@pytest.mark.parametrize(
    ("name", "value", "settings"),
    [
        ("ADJUST_API_URL", "http://api.adjust.com", {}),
        ("ADJUST_API_TOKEN", "abc\n", {"token": None}),
    ],
)
def test_a_wrong_variable_is_named(
    name: str, value: str, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the wrong value is in the environment, the message names the variable."""
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=name):
        read(**settings)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("a.localhost", True),
        ("127.0.0.1", True),
        ("127.255.255.254", True),
        ("::1", True),
        ("localhost.com", False),
        ("xlocalhost", False),
        ("0.0.0.0", False),
        ("127.0.0.1.com", False),
        ("128.0.0.1", False),
        ("0127.0.0.1", False),
        ("", False),
    ],
)
def test_hosts_that_are_this_machine(host: str, expected: bool) -> None:
    """Only names and addresses that can't leave the machine are loopback."""
    assert is_loopback(host) is expected


def test_a_retry_says_what_happened() -> None:
    """A `Retry` is immutable, and has the original error."""
    error = AdjustError("boom")
    retry = Retry(method="GET", path="/p", attempt=1, wait=0.5, error=error)
    assert retry.error is error
    assert "boom" in repr(retry)
    with pytest.raises(AttributeError):
        retry.wait = 1.0  # type: ignore[misc]  # what is tested is that it fails


# Plain http.


@pytest.mark.parametrize("url", ["http://adjust-emulator:8080", "http://ADJUST-emulator", "http://10.0.0.7/adjust"])
def test_plain_http_to_a_host_that_is_trusted(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain http is allowed to `insecure_hosts`, or those of the environment, and reports are requested there too."""
    hosts = ["adjust-emulator", "10.0.0.7"]
    with pytest.raises(ConfigurationError, match=r"in the clear.*pass insecure_hosts=\['"):
        read(api_url=url)
    config = read(api_url=url, insecure_hosts=hosts)
    assert config.api.url == config.reports.url == url
    monkeypatch.setenv("ADJUST_INSECURE_HOSTS", "adjust-emulator , 10.0.0.7,")
    assert read(api_url=url).api.url == url


@pytest.mark.parametrize("url", ["http://emulator.evil.example", "http://xemulator", "http://emulatorx"])
def test_plain_http_to_another_host(url: str) -> None:
    """`insecure_hosts` are complete names."""
    with pytest.raises(ConfigurationError, match="in the clear"):
        read(api_url=url, insecure_hosts=["emulator"])


@pytest.mark.parametrize("hosts", ["emulator", b"emulator", 5, None, ["http://emulator"], ["a:80"], [""], ["*"], [5]])
def test_wrong_insecure_hosts(hosts: Any) -> None:
    """A value that is not a list of host names is refused with a message that says so."""
    with pytest.raises(
        ConfigurationError, match=r"^insecure_hosts (is|has) .*: pass (a list of host|only the host's name)"
    ):
        read(insecure_hosts=hosts)


@pytest.mark.parametrize("url", ["https://a..b", f"https://{'a' * 64}.example", "https://api.adjust.com.."])
def test_a_host_that_cannot_be_looked_up(url: str) -> None:
    """A host with an empty or overlong label is refused at once, because its look-up would fail oddly."""
    with pytest.raises(ConfigurationError, match="pass scheme and host"):
        read(api_url=url)
