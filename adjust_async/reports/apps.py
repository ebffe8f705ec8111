"""`adjust.apps`: the apps of the account."""

from functools import partial
from typing import Any

from adjust_async._checks import shown
from adjust_async.errors import DecodeError
from adjust_async.reports.lists import FilterLists, ReportList
from adjust_async.reports.models import App, FilterValue
from adjust_async.reports.resource import Reports
from adjust_async.reports.specs import path_of
from adjust_async.tables import RecordList

__all__ = ["Apps"]


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


class Apps:
    """The apps of the account. Follows the filter `apps` of the Report Service's "Filters data endpoint"."""

    def __init__(self, reports: Reports) -> None:
        self._reports = reports

    def list(self, *, contains: str | None = None) -> RecordList[App]:
        """List the apps that the API token has access to.

        Args:
            contains: A text that the token or the name of an app must contain.

        Returns:
            The apps. Await them, iterate them with `async for`, or use `to_table()`. Nothing is sent before that.

        Raises:
            ConfigurationError: An argument is wrong. Nothing was sent.
            AdjustError: (on iterating or awaiting) The request failed.
        """
        __tracebackhide__ = True
        narrowed = None if contains is None else {"apps": contains}
        described = "the account's apps" if contains is None else f"the account's apps that contain {contains!r}"
        return ReportList(App, partial(_ask, self._reports.filters(["apps"], contains=narrowed)), described)


async def _ask(lists: FilterLists) -> list[App]:
    __tracebackhide__ = True
    apps: object = (await lists).get("apps", [])
    if not isinstance(apps, list):
        # An account of an unknown shape must not look like one without apps.
        problem = f"expected a list of apps, found {shown(apps)}"
        raise DecodeError(problem, location="$.apps", method="GET", path=path_of("filters_data"), service="reports")
    return [_app(value) for value in apps if isinstance(value, FilterValue)]
