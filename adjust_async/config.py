"""The settings of a client, checked once, before anything is sent."""

import ipaddress
import os
import re
from collections.abc import Callable
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any, Literal, NamedTuple, NoReturn, final

from adjust_async._checks import check_positive_number, check_token, check_whole_number, shown
from adjust_async.errors import AdjustError, ConfigurationError

__all__ = ["APIToken", "CampaignVersion", "Config", "Retry"]

API_URL = "https://api.adjust.com"
REPORTS_URL = "https://automate.adjust.com"

HIGHEST_PORT = 65535

#: Scheme, host and port, and a path that a gateway may have in front of Adjust's own.
_SERVICE_URL = (
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9A-Fa-f:.]+\])(:(?P<port>[0-9]{1,5}))?"
    r"(?P<path>(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*)/*"
)

CampaignVersion = Literal["v1", "v2"]

#: `user_token: abc` as in the file that Adjust's own clients read: YAML, INI or JSON, with or without quotes.
_ADJUSTRC_LINE = r"""^(?:[ \t]*|[^#\n]*[{,][ \t]*)["']?user_token["']?[ \t]*[:=][ \t]*["']?([^"'\s,#}]+)"""


@final
class APIToken:
    """An API token that shows itself to nothing but the request that needs it."""

    __slots__ = ("_value",)

    def __init__(self, value: object, source: str = "token") -> None:
        if not isinstance(value, str) or not value:
            kind = "empty" if isinstance(value, str) else f"a value of type {type(value).__name__}"
            raise ConfigurationError(
                f"{source} is {kind}: give the API token as text, set ADJUST_API_TOKEN, or put user_token into "
                "~/.adjustrc"
            )
        if not value.isascii() or not value.isprintable() or " " in value:
            raise ConfigurationError(
                f"{source} holds a character that no API token has, such as a space or a line break: was it copied "
                "whole?"
            )
        self._value = value

    def reveal(self) -> str:
        """Give the token itself."""
        return self._value

    def redact(self, text: str) -> str:
        """Give the text with every occurrence of the token taken out, for texts that others wrote."""
        return text.replace(self._value, "***")

    def __repr__(self) -> str:
        return "APIToken('***')"

    def __reduce__(self) -> NoReturn:
        raise TypeError("an API token does not go into pickles: make a new AsyncAdjust in the other process")

    @classmethod
    def find(cls) -> "APIToken":
        """Look for a token: first in ADJUST_API_TOKEN, then as user_token in ~/.adjustrc.

        Raises:
            ConfigurationError: Neither is there.
        """
        if value := os.environ.get("ADJUST_API_TOKEN"):
            return cls(value, "ADJUST_API_TOKEN")
        try:
            text = (Path.home() / ".adjustrc").read_text(encoding="utf-8-sig")
        except (OSError, RuntimeError, UnicodeDecodeError):
            text = ""
        if match := re.search(_ADJUSTRC_LINE, text, re.MULTILINE):
            return cls(match[1], "user_token in ~/.adjustrc")
        raise ConfigurationError(
            "no API token: give AsyncAdjust(token), set ADJUST_API_TOKEN, or put user_token into ~/.adjustrc"
        )


class Retry(NamedTuple):
    """Tells of a request that is about to be tried again; what `on_retry` is called with.

    Attributes:
        method, path: The request; the path is without query.
        attempt: How many attempts have failed so far.
        wait: Seconds until the next one.
        error: Why the last one failed.
    """

    method: str
    path: str
    attempt: int
    wait: float
    error: AdjustError


def is_loopback(host: str) -> bool:
    """Whether the host can only be this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _service_url(url: object, argument: str, example: str, own_path: str) -> str:
    """Check where a service is. What could hold a secret is not repeated in the message."""
    if not isinstance(url, str):
        raise ConfigurationError(f"{argument} is {shown(url)}: give it as text, such as {example!r}")
    if "@" in url or "?" in url or "#" in url:
        raise ConfigurationError(
            f"{argument} holds a user name, a password, a query or a fragment: URLs get logged, so give scheme and "
            f"host alone, such as {example!r}"
        )
    match = re.fullmatch(_SERVICE_URL, url)
    if match is None or int(match["port"] or 0) > HIGHEST_PORT:
        raise ConfigurationError(f"{argument} is {shown(url)}: give scheme and host, such as {example!r}")
    if own_path in f"{match['path']}/":
        raise ConfigurationError(
            f"{argument} is {shown(url)}: leave the path of the API out, which the client adds, as in {example!r}"
        )
    if match["scheme"] == "http" and not is_loopback(_host(url)):
        raise ConfigurationError(
            f"{argument} is {shown(url)}: the API token would cross the network in the clear. Use https; plain http "
            "is for an emulator on this machine"
        )
    return url.rstrip("/")


def _host(url: str) -> str:
    match = re.fullmatch(_SERVICE_URL, url)
    return match["host"].strip("[]").lower() if match else ""


def _given_or_environment(url: str | None, argument: str, example: str, own_path: str) -> str | None:
    """Check the URL that was given, or else the one of the environment; `None` where neither is there."""
    if url is None:
        argument = f"ADJUST_{argument.upper()}"
        url = os.environ.get(argument) or None
    return None if url is None else _service_url(url, argument, example, own_path)


class Config(NamedTuple):
    """The settings of a client. `AsyncAdjust` documents each of them."""

    token: APIToken
    api_url: str
    reports_url: str
    account_id: str | None
    campaign_version: CampaignVersion
    max_concurrency: int
    max_rate: float | None
    burst: int | None
    timeout: float | None
    deadline: float | None
    reports_max_rate: float | None
    reports_burst: int | None
    reports_timeout: float | None
    reports_deadline: float | None
    max_attempts: int
    on_retry: Callable[[Retry], object] | None

    @classmethod
    def read(cls, *, token: str | None, api_url: str | None, reports_url: str | None, **settings: Any) -> "Config":
        """Check the settings, and take what was not given from the environment.

        Raises:
            ConfigurationError: A setting is wrong. The message names it and says what would be right.
        """
        url = _given_or_environment(api_url, "api_url", API_URL, "/public/") or API_URL
        of_reports = _given_or_environment(reports_url, "reports_url", REPORTS_URL, "/reports-service/")
        if of_reports is None:
            # An emulator has all services at one place, and its token must not go to Adjust.
            of_reports = url if is_loopback(_host(url)) else REPORTS_URL
        config = cls(
            token=APIToken.find() if token is None else APIToken(token),
            api_url=url,
            reports_url=of_reports,
            **settings,
        )
        config._check()
        return config

    def _check(self) -> None:
        if self.campaign_version not in ("v1", "v2"):
            raise ConfigurationError(f"campaign_version is {shown(self.campaign_version)}: give 'v1' or 'v2'")
        check_whole_number(self.max_concurrency, "max_concurrency")
        check_whole_number(self.max_attempts, "max_attempts")
        for prefix in ("", "reports_"):
            rate, burst = getattr(self, f"{prefix}max_rate"), getattr(self, f"{prefix}burst")
            check_positive_number(rate, f"{prefix}max_rate", "requests a second")
            check_positive_number(getattr(self, f"{prefix}timeout"), f"{prefix}timeout", "seconds")
            check_positive_number(getattr(self, f"{prefix}deadline"), f"{prefix}deadline", "seconds")
            if burst is not None:
                check_whole_number(burst, f"{prefix}burst")
                if rate is None and not prefix:  # which has a default, so that switching off the rate is enough there
                    raise ConfigurationError("burst is given without max_rate: give both, or neither")
        if self.account_id is not None:
            check_token(self.account_id, "account_id")
        hook: object = self.on_retry
        if hook is not None and (not callable(hook) or iscoroutinefunction(hook)):
            raise ConfigurationError(f"on_retry is {shown(hook)}: give a plain function that takes a Retry")
