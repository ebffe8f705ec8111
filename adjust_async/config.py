"""The settings of a client, checked once, before anything is sent."""

from collections.abc import Callable, Iterable
from inspect import iscoroutinefunction
from typing import Any, Literal, NamedTuple, TypedDict

import attrs

from adjust_async._checks import check_positive_number, check_seconds, check_token, check_whole_number, shown
from adjust_async._hosts import check_hosts, find_url, is_trusted
from adjust_async._tokens import APIToken
from adjust_async.errors import AdjustError, ConfigurationError

__all__ = [
    "LONGEST_GRACE_TIME",
    "CallOptions",
    "CampaignVersion",
    "Config",
    "HostConfig",
    "Retry",
]

API_URL = "https://api.adjust.com"
REPORTS_URL = "https://automate.adjust.com"

#: Seconds.
LONGEST_GRACE_TIME = 600.0

CampaignVersion = Literal["v1", "v2"]


class Retry(NamedTuple):
    """A request that is about to be tried again; passed to `on_retry`.

    Attributes:
        method: The method of the request.
        path: The path of the request, without query.
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
