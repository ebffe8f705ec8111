"""`adjust.apps`: the apps of the account."""

from collections.abc import AsyncIterator, Generator
from typing import Any

from adjust_async._checks import shown
from adjust_async.errors import DecodeError
from adjust_async.reports.models import App, FilterValue
from adjust_async.reports.resource import Reports
from adjust_async.reports.specs import path_of

__all__ = ["AppList", "Apps"]


def _app(value: FilterValue) -> App:
    extra = {key: text for key in ("short_name", "section", "formatting") if (text := getattr(value, key)) is not None}
    extra |= value.extra
    known: dict[str, Any] = {}
    for key in ("default_store_app_id", "currency"):
        # Their types are not documented: anything but text stays in `extra`.
        if isinstance(extra.get(key), str):
            known[key] = extra.pop(key)
    platforms = extra.get("platforms")
    if isinstance(platforms, list) and all(isinstance(platform, str) for platform in platforms):
        known["platforms"] = tuple(extra.pop("platforms"))
    return App(token=value.id, name=value.name, **known, extra=extra)


class AppList:
    """The apps of the account. Nothing is sent until they are iterated or awaited.

    async for app in adjust.apps.list(): ...
    apps = await adjust.apps.list()
    """

    def __init__(self, reports: Reports, contains: str | None) -> None:
        self._reports = reports
        self._contains = contains

    def __repr__(self) -> str:
        containing = "" if self._contains is None else f" that contain {self._contains!r}"
        return f"<AppList of the account's apps{containing}: await it, or iterate it with async for>"

    async def collect(self) -> list[App]:
        """Return all apps as a list."""
        contains = None if self._contains is None else {"apps": self._contains}
        values = await self._reports.filters(["apps"], contains=contains)
        apps: object = values.get("apps", [])
        if not isinstance(apps, list):
            # An answer of an unknown structure must not look like an account without apps.
            problem = f"expected a list of apps, found {shown(apps)}"
            raise DecodeError(problem, location="$.apps", method="GET", path=path_of("filters_data"), service="reports")
        return [_app(value) for value in apps if isinstance(value, FilterValue)]

    def __await__(self) -> Generator[Any, None, list[App]]:
        return self.collect().__await__()

    async def __aiter__(self) -> AsyncIterator[App]:
        for app in await self.collect():
            yield app


class Apps:
    """The apps of the account. Follows the filter `apps` of the Report Service's "Filters data endpoint"."""

    def __init__(self, reports: Reports) -> None:
        self._reports = reports

    def list(self, *, contains: str | None = None) -> AppList:
        """List the apps that the API token has access to.

        Args:
            contains: A text that the token or the name of an app must contain.

        Returns:
            The apps: iterate them with `async for`, or `await` them as a list.

        Raises:
            AdjustError: (on iterating or awaiting) The request failed.
        """
        return AppList(self._reports, contains)
