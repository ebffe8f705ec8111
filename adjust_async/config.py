"""The settings of a client, checked once, before anything is sent."""

import html
import json
import logging
import os
import re
import stat
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any, Literal, NamedTuple, NoReturn, TypedDict, final
from urllib.parse import quote

import attrs

from adjust_async._checks import check_positive_number, check_seconds, check_token, check_whole_number, shown
from adjust_async._hosts import check_hosts, find_url, is_trusted
from adjust_async.errors import AdjustError, ConfigurationError

__all__ = [
    "LONGEST_GRACE_TIME",
    "APIToken",
    "CallOptions",
    "CampaignVersion",
    "Config",
    "HostConfig",
    "Retry",
]

logger = logging.getLogger("adjust_async")

API_URL = "https://api.adjust.com"
REPORTS_URL = "https://automate.adjust.com"

#: Seconds.
LONGEST_GRACE_TIME = 600.0

CampaignVersion = Literal["v1", "v2"]

#: `user_token: abc` as Adjust's own clients write it: YAML, INI or JSON, with or without quotes.
_ADJUSTRC_LINE = r"""^(?:[ \t]*|[^#\n]*[{,][ \t]*)["']?user_token["']?[ \t]*[:=][ \t]*["']?([^"'\s,#}]+)"""


#: No real API token is shorter. A shorter text, such as a test's `token`, is not redacted from documents, where it may
#: be a key.
SHORTEST_TOKEN = 8

#: No real API token is longer. Searching for the parts of a longer text would be slow.
LONGEST_TOKEN = 128

#: Parts of a token at the end of an excerpt are redacted if they have at least this many characters.
SHORTEST_PART = 4


@final
class APIToken:
    """An API token that is revealed only to the request that needs it.

    The constructor never fails, so that no frame of a traceback holds the text that was passed: `check` raises instead.
    """

    __slots__ = ("_cut", "_forms", "_problem", "_value")

    def __init__(self, value: object, source: str = "token") -> None:
        self._value = str.__str__(value) if isinstance(value, str) else ""
        self._problem = _token_problem(value, source)
        self._forms = () if self._problem else _written_forms(self._value)
        self._cut = _cut_forms(self._value) if self._forms and SHORTEST_TOKEN <= len(self) <= LONGEST_TOKEN else None

    def check(self) -> "APIToken":
        """Return the token itself.

        Raises:
            ConfigurationError: The token is missing, or can't be sent in a header.
        """
        if self._problem is not None:
            raise ConfigurationError(self._problem)
        return self

    def reveal(self) -> str:
        """Return the text of the token."""
        return self._value

    def redact(self, text: str) -> str:
        """Return a text from elsewhere with the token replaced by `***`."""
        for form in self._forms:
            text = text.replace(form, "***")
        return text if self._cut is None else self._cut.sub("***", text)

    def is_in(self, path: str) -> bool:
        """Return whether a segment of a path is the token."""
        return len(self) >= SHORTEST_TOKEN and self._value in path.split("/")

    def without_echo(self, body: bytes, headers: Mapping[str, str]) -> tuple[bytes, Mapping[str, str]] | None:
        """Return an answer's body and headers without the token; `None` if they do not contain it."""
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
        raise TypeError("an API token can't be pickled: make a new AsyncAdjust in the other process")

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
    """Return the ways in which documents, pages and URLs write a token, the longest first."""
    if not token:
        return ()
    in_json = json.dumps(token)[1:-1]
    forms = {token, in_json, in_json.replace("/", "\\/"), quote(token), quote(token, safe=""), html.escape(token)}
    shown_forms = {repr(form)[1:-1] for form in forms}
    return tuple(sorted(forms | shown_forms | set(_in_base64(token)), key=len, reverse=True))


def _cut_forms(token: str) -> re.Pattern[str]:
    """Return a pattern for the part of a token that remains when an excerpt was cut in the middle of it."""
    lengths = range(len(token) - 1, SHORTEST_PART - 1, -1)
    heads = "|".join(re.escape(token[:length]) for length in lengths)
    tails = "|".join(re.escape(token[-length:]) for length in lengths)
    return re.compile(rf"(?:{heads})(?=['\"]|\.\.\.|$)|(?<=\.\.\.)(?:{tails})")


def _in_base64(token: str) -> Iterator[str]:
    """Yield the base64 encodings of the token, at every offset within the encoded text."""
    for before in range(3):
        bits = (before + len(token)) * 8
        form = b64encode(bytes(before) + token.encode())[(0, 2, 3)[before] : bits // 6].decode()
        if len(token) >= SHORTEST_TOKEN:
            yield form
            yield form.replace("+", "-").replace("/", "_")


class Retry(NamedTuple):
    """A request that is about to be tried again; passed to `on_retry`.

    Attributes:
        method, path: The request; the path is without query.
        attempt: The number of attempts that have failed so far.
        wait: Seconds until the next attempt.
        error: The error of the last attempt.
    """

    method: str
    path: str
    attempt: int
    wait: float
    error: AdjustError


@attrs.frozen(kw_only=True)
class HostConfig:
    """The settings of one of the two hosts. `AsyncAdjust` documents them.

    Attributes:
        prefix: The prefix of the names of its settings.
        url: Scheme and host.
        authorization: The text before the token in the Authorization header.
        overridden: The settings that `with_options` has changed. Messages name them without the prefix.
    """

    prefix: str
    url: str
    authorization: str
    max_rate: float | None
    burst: int | None
    timeout: float | None
    deadline: float | None
    overridden: frozenset[str] = frozenset()

    def name_of(self, setting: Literal["timeout", "deadline"]) -> str:
        """Return the name of the argument that set `timeout` or `deadline`."""
        return setting if setting in self.overridden else f"{self.prefix}{setting}"

    def __attrs_post_init__(self) -> None:
        __tracebackhide__ = True
        prefix = self.prefix
        check_positive_number(self.max_rate, f"{prefix}max_rate", "requests a second")
        check_positive_number(self.timeout, self.name_of("timeout"), "seconds")
        check_positive_number(self.deadline, self.name_of("deadline"), "seconds")
        if self.burst is not None:
            check_whole_number(self.burst, f"{prefix}burst")
            if self.max_rate is None and not prefix:  # reports have a default burst, which needs no rate
                raise ConfigurationError("burst is passed without max_rate: pass both, or neither")


class CallOptions(TypedDict, total=False):
    """The options of `AsyncAdjust.with_options`.

    Attributes:
        timeout: Seconds for one attempt of a request, to either host; `None` for no limit.
        deadline: Seconds for a whole call, to either host; `None` for no limit.
        max_attempts: The maximum number of attempts of one request; 1 for no retries.
        grace_time: Seconds after which a create without an answer has failed if no list shows the tracker.
    """

    timeout: float | None
    deadline: float | None
    max_attempts: int
    grace_time: float


@attrs.frozen(kw_only=True)
class Config:
    """The settings of a client. `AsyncAdjust` documents them.

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
    grace_time: float
    on_retry: Callable[[Retry], object] | None

    @classmethod
    def read(
        cls,
        *,
        token: APIToken,
        api_url: str | None,
        reports_url: str | None,
        account_id: str | None,
        campaign_version: CampaignVersion,
        max_concurrency: int,
        max_rate: float | None,
        burst: int | None,
        timeout: float | None,
        deadline: float | None,
        reports_max_rate: float | None,
        reports_burst: int | None,
        reports_timeout: float | None,
        reports_deadline: float | None,
        max_attempts: int,
        max_body_size: int,
        grace_time: float,
        on_retry: Callable[[Retry], object] | None,
        insecure_hosts: Iterable[str],
    ) -> "Config":
        """Check the settings, and read those that `AsyncAdjust` was not passed from the environment.

        Raises:
            ConfigurationError: A setting is wrong. The message names it and the values that are allowed.
        """
        __tracebackhide__ = True
        insecure = check_hosts(insecure_hosts)
        url = find_url(api_url, "api_url", API_URL, "/public/", insecure) or API_URL
        own_url = find_url(reports_url, "reports_url", REPORTS_URL, "/reports-service/", insecure)
        if own_url is None:
            # An emulator serves all APIs at one URL, and its token must not go to Adjust.
            own_url = url if is_trusted(url, insecure) else REPORTS_URL
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
            grace_time=grace_time,
            on_retry=on_retry,
        )

    def with_options(self, options: CallOptions) -> "Config":
        """Return a copy of the settings with some of them changed.

        Raises:
            ConfigurationError: A value is wrong.
            TypeError: An option does not exist.
        """
        if unknown := options.keys() - CallOptions.__annotations__.keys():
            names = ", ".join(CallOptions.__annotations__)
            raise TypeError(f"unexpected keyword argument {min(unknown)!r}: with_options has {names}")
        changes: dict[str, Any] = dict(options)
        clocks = {name: changes.pop(name) for name in ("timeout", "deadline") if name in changes}
        for name, host in (("api", self.api), ("reports", self.reports)):
            changes[name] = attrs.evolve(host, **clocks, overridden=host.overridden | clocks.keys())
        return attrs.evolve(self, **changes)

    def __attrs_post_init__(self) -> None:
        version: object = self.campaign_version
        if not isinstance(version, str) or version not in ("v1", "v2"):
            raise ConfigurationError(f"campaign_version is {shown(version)}: pass 'v1' or 'v2'")
        check_whole_number(self.max_concurrency, "max_concurrency")
        check_whole_number(self.max_attempts, "max_attempts")
        check_whole_number(self.max_body_size, "max_body_size")
        check_seconds(self.grace_time, "grace_time", LONGEST_GRACE_TIME)
        if self.account_id is not None:
            check_token(self.account_id, "account_id")
        hook: object = self.on_retry
        if hook is not None and (not callable(hook) or iscoroutinefunction(hook)):
            raise ConfigurationError(f"on_retry is {shown(hook)}: pass a plain function that takes a Retry")
