"""The settings of a client, checked once, before anything is sent."""

import html
import ipaddress
import json
import logging
import os
import re
import stat
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Literal, NamedTuple, NoReturn, final
from urllib.parse import quote

import attrs

from adjust_async._checks import check_positive_number, check_token, check_whole_number, shown
from adjust_async.errors import AdjustError, ConfigurationError

__all__ = ["APIToken", "CampaignVersion", "Config", "HostConfig", "Retry"]

logger = logging.getLogger("adjust_async")

API_URL = "https://api.adjust.com"
REPORTS_URL = "https://automate.adjust.com"

HIGHEST_PORT = 65535
LONGEST_LABEL = 63

#: Scheme, host and port, and a path that a gateway may have in front of Adjust's own.
_SERVICE_URL = (
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9A-Fa-f:.]+\])(:(?P<port>[0-9]{1,5}))?"
    r"(?P<path>(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*)/*"
)

CampaignVersion = Literal["v1", "v2"]

#: `user_token: abc` as in the file that Adjust's own clients read: YAML, INI or JSON, with or without quotes.
_ADJUSTRC_LINE = r"""^(?:[ \t]*|[^#\n]*[{,][ \t]*)["']?user_token["']?[ \t]*[:=][ \t]*["']?([^"'\s,#}]+)"""


#: An API token has at least so many characters, by far. A shorter one, such as the `token` of some test, is not taken
#: out of documents, where it may be a key.
SHORTEST_TOKEN = 8

#: The characters from which on a part of a token at the end of an excerpt is taken out.
SHORTEST_PART = 4


@final
class APIToken:
    """An API token that shows itself to nothing but the request that needs it.

    Making one does not fail, so that no frame of an error has the text that was passed: `check` does.
    """

    __slots__ = ("_cut", "_forms", "_problem", "_value")

    def __init__(self, value: object, source: str = "token") -> None:
        self._value = str.__str__(value) if isinstance(value, str) else ""
        self._problem = _token_problem(value, source)
        self._forms = () if self._problem else _written_forms(self._value)
        self._cut = _cut_forms(self._value) if self._forms and len(self) >= SHORTEST_TOKEN else None

    def check(self) -> "APIToken":
        """Return the token itself.

        Raises:
            ConfigurationError: It is missing, or no header can carry it.
        """
        if self._problem is not None:
            raise ConfigurationError(self._problem)
        return self

    def reveal(self) -> str:
        """Return the text of the token."""
        return self._value

    def redact(self, text: str) -> str:
        """Return the text without the token, for texts that others wrote."""
        for form in self._forms:
            text = text.replace(form, "***")
        return text if self._cut is None else self._cut.sub("***", text)

    def is_in(self, path: str) -> bool:
        """Whether a segment of a path is the token."""
        return len(self) >= SHORTEST_TOKEN and self._value in path.split("/")

    def without_echo(self, body: bytes, headers: Mapping[str, str]) -> tuple[bytes, Mapping[str, str]] | None:
        """Return an answer's body and headers without the token; `None` where they don't have it."""
        if len(self) < SHORTEST_TOKEN:
            return None
        clean = body
        for form in self._forms:
            clean = clean.replace(form.encode(), b"***")
        clean_headers = {name.lower(): self.redact(value) for name, value in headers.items()}
        if clean == body and all(clean_headers[name.lower()] == value for name, value in headers.items()):
            return None
        return clean, clean_headers

    def __len__(self) -> int:
        return len(self._value)

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return "APIToken('***')"

    def __reduce__(self) -> NoReturn:
        raise TypeError("an API token does not go into pickles: make a new AsyncAdjust in the other process")

    @classmethod
    def find(cls) -> "APIToken":
        """Look for a token: first in ADJUST_API_TOKEN, then as user_token in ~/.adjustrc."""
        if value := os.environ.get("ADJUST_API_TOKEN"):
            return cls(value, "ADJUST_API_TOKEN")
        try:
            path = Path.home() / ".adjustrc"
            text, mode = path.read_text(encoding="utf-8-sig"), path.stat().st_mode
        except (OSError, RuntimeError, UnicodeDecodeError):
            return cls(None)
        match = re.search(_ADJUSTRC_LINE, text, re.MULTILINE)
        if match is None:
            return cls(None)
        if os.name == "posix" and mode & (stat.S_IWGRP | stat.S_IWOTH):
            token = cls(None)
            token._problem = "others may write ~/.adjustrc, and so choose the token: run chmod 600 ~/.adjustrc"
            return token
        if os.name == "posix" and mode & (stat.S_IRGRP | stat.S_IROTH):
            logger.warning("others may read ~/.adjustrc, which has an API token: run chmod 600 ~/.adjustrc")
        return cls(match[1], "user_token in ~/.adjustrc")


def _token_problem(value: object, source: str) -> str | None:
    if value is None:
        return "no API token: pass AsyncAdjust(token), set ADJUST_API_TOKEN, or put user_token into ~/.adjustrc"
    if not isinstance(value, str) or not value:
        kind = "empty" if isinstance(value, str) else f"a value of type {type(value).__name__}"
        return (
            f"{source} is {kind}: pass the API token as text, set ADJUST_API_TOKEN, or put user_token into ~/.adjustrc"
        )
    if not value.isascii() or not value.isprintable() or " " in value:
        return f"{source} has a character that no API token has, such as a space or a line break: was it copied whole?"
    return None


def _written_forms(token: str) -> tuple[str, ...]:
    """Return the forms in which documents, pages and URLs write a text, the longest first."""
    if not token:
        return ()
    in_json = json.dumps(token)[1:-1]
    forms = {token, in_json, in_json.replace("/", "\\/"), quote(token), quote(token, safe=""), html.escape(token)}
    shown_forms = {repr(form)[1:-1] for form in forms}
    return tuple(sorted(forms | shown_forms | set(_in_base64(token)), key=len, reverse=True))


def _cut_forms(token: str) -> re.Pattern[str]:
    """Return what finds the parts of a token that are left where an excerpt was cut in the middle of it."""
    lengths = range(len(token) - 1, SHORTEST_PART - 1, -1)
    heads = "|".join(re.escape(token[:length]) for length in lengths)
    tails = "|".join(re.escape(token[-length:]) for length in lengths)
    return re.compile(rf"(?:{heads})(?=['\"]|\.\.\.|$)|(?<=\.\.\.)(?:{tails})")


def _in_base64(token: str) -> Iterator[str]:
    """Yield what stands for the token in base64, whatever stands before and behind it in what was encoded."""
    for before in range(3):
        bits = (before + len(token)) * 8
        form = b64encode(bytes(before) + token.encode())[(0, 2, 3)[before] : bits // 6].decode()
        if len(token) >= SHORTEST_TOKEN:
            yield form
            yield form.replace("+", "-").replace("/", "_")


class Retry(NamedTuple):
    """A request that is about to be tried again; `on_retry` is called with it.

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


def _service_url(url: object, argument: str, example: str, own_path: str, insecure_hosts: Iterable[str]) -> str:
    """Check where a service is. What could hold a secret is not repeated in the message."""
    if not isinstance(url, str):
        raise ConfigurationError(f"{argument} is {shown(url)}: pass it as text, such as {example!r}")
    if "@" in url or "?" in url or "#" in url:
        raise ConfigurationError(
            f"{argument} has a user name, a password, a query or a fragment: URLs get logged, so pass scheme and host "
            f"alone, such as {example!r}"
        )
    match = re.fullmatch(_SERVICE_URL, url)
    if match is None or int(match["port"] or 0) > HIGHEST_PORT or not _is_host(_host(url)):
        raise ConfigurationError(f"{argument} is {shown(url)}: pass scheme and host, such as {example!r}")
    if own_path in f"{match['path']}/":
        raise ConfigurationError(
            f"{argument} is {shown(url)}: leave the path of the API out, which the client adds, as in {example!r}"
        )
    host = _host(url)
    if match["scheme"] == "http" and not is_loopback(host) and host not in insecure_hosts:
        raise ConfigurationError(
            f"{argument} is {shown(url)}: the API token would cross the network in the clear. Use https; plain http is "
            f"for an emulator on this machine. Where this network may be trusted, pass insecure_hosts=[{host!r}]"
        )
    return url.rstrip("/")


def _is_host(host: str) -> bool:
    """Whether a host can be looked up: its labels have 1 to 63 characters."""
    return ":" in host or all(0 < len(label) <= LONGEST_LABEL for label in host.removesuffix(".").split("."))


def _host(url: str) -> str:
    match = re.fullmatch(_SERVICE_URL, url)
    return match["host"].strip("[]").lower() if match else ""


def _checked_hosts(insecure_hosts: object) -> frozenset[str]:
    """Check the hosts that plain http is allowed to; those of the environment where none are passed."""
    argument = "insecure_hosts"
    is_default = isinstance(insecure_hosts, tuple) and not insecure_hosts
    if is_default and (listed := os.environ.get("ADJUST_INSECURE_HOSTS")):
        argument, insecure_hosts = "ADJUST_INSECURE_HOSTS", [name.strip() for name in listed.split(",") if name.strip()]
    if isinstance(insecure_hosts, (str, bytes)) or not isinstance(insecure_hosts, Iterable):
        raise ConfigurationError(f"{argument} is {shown(insecure_hosts)}: pass a list of host names")
    try:
        given = list(insecure_hosts)
    except TypeError:
        raise ConfigurationError(f"{argument} is {shown(insecure_hosts)}: pass a list of host names") from None
    hosts = []
    for host in given:
        bare = host.strip("[]") if isinstance(host, str) else ""
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]*", bare) and not _is_ipv6(bare):
            raise ConfigurationError(
                f"{argument} has {shown(host)}: pass the host's name alone, without scheme, port or '*', such as "
                "'adjust-emulator'"
            )
        hosts.append(bare.lower())
    return frozenset(hosts)


def _is_ipv6(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).version == 6
    except ValueError:
        return False


@attrs.frozen(kw_only=True)
class HostConfig:
    """The settings of one of the two hosts. `AsyncAdjust` documents each of them.

    Attributes:
        prefix: What the names of its settings begin with.
        url: Scheme and host.
        authorization: What stands before the token in the Authorization header.
    """

    prefix: str
    url: str
    authorization: str
    max_rate: float | None
    burst: int | None
    timeout: float | None
    deadline: float | None

    def __attrs_post_init__(self) -> None:
        __tracebackhide__ = True
        prefix = self.prefix
        check_positive_number(self.max_rate, f"{prefix}max_rate", "requests a second")
        check_positive_number(self.timeout, f"{prefix}timeout", "seconds")
        check_positive_number(self.deadline, f"{prefix}deadline", "seconds")
        if self.burst is not None:
            check_whole_number(self.burst, f"{prefix}burst")
            if self.max_rate is None and not prefix:  # reports have a default, so that switching off the rate is enough
                raise ConfigurationError("burst is passed without max_rate: pass both, or neither")


@attrs.frozen(kw_only=True)
class Config:
    """The settings of a client. `AsyncAdjust` documents each of them.

    Attributes:
        api: The host of the Campaign API and the KPI Service.
        reports: The host of the Report Service.
    """

    token: APIToken
    api: HostConfig
    reports: HostConfig
    account_id: str | None
    campaign_version: CampaignVersion
    max_concurrency: int
    max_attempts: int
    max_body_size: int
    on_retry: Callable[[Retry], object] | None

    @classmethod
    def read(
        cls,
        *,
        token: APIToken,
        api_url: str | None = None,
        reports_url: str | None = None,
        account_id: str | None = None,
        campaign_version: CampaignVersion = "v1",
        max_concurrency: int = 50,
        max_rate: float | None = None,
        burst: int | None = None,
        timeout: float | None = 30.0,
        deadline: float | None = 120.0,
        reports_max_rate: float | None = 50.0,
        reports_burst: int | None = 90,
        reports_timeout: float | None = 300.0,
        reports_deadline: float | None = 900.0,
        max_attempts: int = 10,
        max_body_size: int = 2**30,
        on_retry: Callable[[Retry], object] | None = None,
        insecure_hosts: Iterable[str] = (),
    ) -> "Config":
        """Check the settings, and take what was not passed from the environment.

        Raises:
            ConfigurationError: A setting is wrong. The message names it and says what would be right.
        """
        __tracebackhide__ = True
        insecure = _checked_hosts(insecure_hosts)
        url = _passed_or_environment(api_url, "api_url", API_URL, "/public/", insecure) or API_URL
        own_url = _passed_or_environment(reports_url, "reports_url", REPORTS_URL, "/reports-service/", insecure)
        if own_url is None:
            # An emulator has all services at one place, and its token must not go to Adjust.
            own_url = url if is_loopback(_host(url)) or _host(url) in insecure else REPORTS_URL
        return cls(
            token=token.check(),
            api=HostConfig(
                prefix="",
                url=url,
                authorization="Token token=",
                max_rate=max_rate,
                burst=burst,
                timeout=timeout,
                deadline=deadline,
            ),
            reports=HostConfig(
                prefix="reports_",
                url=own_url,
                authorization="Bearer ",
                max_rate=reports_max_rate,
                burst=reports_burst,
                timeout=reports_timeout,
                deadline=reports_deadline,
            ),
            account_id=account_id,
            campaign_version=campaign_version,
            max_concurrency=max_concurrency,
            max_attempts=max_attempts,
            max_body_size=max_body_size,
            on_retry=on_retry,
        )

    def __attrs_post_init__(self) -> None:
        version: object = self.campaign_version
        if not isinstance(version, str) or version not in ("v1", "v2"):
            raise ConfigurationError(f"campaign_version is {shown(version)}: pass 'v1' or 'v2'")
        check_whole_number(self.max_concurrency, "max_concurrency")
        check_whole_number(self.max_attempts, "max_attempts")
        check_whole_number(self.max_body_size, "max_body_size")
        if self.account_id is not None:
            check_token(self.account_id, "account_id")
        hook: object = self.on_retry
        if hook is not None and (not callable(hook) or iscoroutinefunction(hook)):
            raise ConfigurationError(f"on_retry is {shown(hook)}: pass a plain function that takes a Retry")


def _passed_or_environment(
    url: str | None, argument: str, example: str, own_path: str, insecure_hosts: Iterable[str]
) -> str | None:
    """Check the URL that was passed, or else the one of the environment; `None` where neither is there."""
    __tracebackhide__ = True
    if url is None:
        argument = f"ADJUST_{argument.upper()}"
        url = os.environ.get(argument) or None
    return None if url is None else _service_url(url, argument, example, own_path, insecure_hosts)
