"""The two hosts that requests go to: where each is, how it wants the API token, and what its requests share."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import httpx

from adjust_async._http.limits import Limits
from adjust_async._http.messages import ServiceName
from adjust_async._version import __version__
from adjust_async.config import Config

__all__ = ["Service", "services"]

#: Seconds to wait for a connection at most, within the time that the attempt has.
CONNECT_TIMEOUT = 10.0

_HEADERS = {"Accept-Encoding": "gzip, deflate", "User-Agent": f"adjust_async/{__version__}"}


class Service(NamedTuple):
    """One host. `prefix` is what the names of its settings begin with, `authorization` what stands before the token."""

    prefix: str
    url: str
    authorization: str
    headers: Mapping[str, str]
    limits: Limits
    max_rate: float | None
    timeout: float | None
    deadline: float | None
    extensions: dict[str, Any]


def services(config: Config) -> dict[ServiceName, Service]:
    """Make both."""
    return {"api": _api(config), "reports": _report_service(config)}


def _api(config: Config) -> Service:
    return Service(
        prefix="",
        url=config.api_url,
        authorization="Token token=",
        headers=_HEADERS,
        limits=Limits(max_concurrency=config.max_concurrency, max_rate=config.max_rate, burst=config.burst),
        max_rate=config.max_rate,
        timeout=config.timeout,
        deadline=config.deadline,
        extensions={"timeout": _timeouts(config.timeout)},
    )


def _report_service(config: Config) -> Service:
    rate, burst = config.reports_max_rate, config.reports_burst
    return Service(
        prefix="reports_",
        url=config.reports_url,
        authorization="Bearer ",
        headers=_HEADERS | ({} if config.account_id is None else {"X-Account-ID": config.account_id}),
        limits=Limits(max_concurrency=config.max_concurrency, max_rate=rate, burst=burst),
        max_rate=rate,
        timeout=config.reports_timeout,
        deadline=config.reports_deadline,
        extensions={"timeout": _timeouts(config.reports_timeout)},
    )


def _timeouts(attempt: float | None) -> dict[str, float | None]:
    """Split the time of an attempt, so that one that found no connection ends as that, and not as one that was sent."""
    connection = CONNECT_TIMEOUT if attempt is None else min(attempt / 2, CONNECT_TIMEOUT)
    return httpx.Timeout(attempt, connect=connection, pool=connection).as_dict()
