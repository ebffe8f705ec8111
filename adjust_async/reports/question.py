"""One query to the Report Service: the checked arguments of a call, which are encoded when they are sent."""

from collections.abc import Mapping
from typing import Any, Literal

import attrs

from adjust_async._checks import check_app_tokens, shown
from adjust_async._figures.encoding import Texts, Value, encode_query
from adjust_async._figures.per_app import check_on_failure
from adjust_async._figures.windows import Period
from adjust_async.errors import ConfigurationError
from adjust_async.reports.parameters import ReportQuery, check_query, split_period
from adjust_async.reports.report import AttrDependency, check_attr_dependency

__all__ = ["FanOut", "ReportQuestion", "check_question"]

FanOut = Literal["app", "none"]

#: Arguments of the methods that are not parameters of the service.
_OWN = frozenset(
    ("app_tokens", "fan_out", "window", "on_failure", "attr_dependency", "path", "on_progress", "exact", "parameters")
)
#: Parameters that apply to a report as a whole, and would apply to each part separately.
_OF_THE_WHOLE = ("limit", "sort", "index")


@attrs.frozen(kw_only=True)
class ReportQuestion:
    """A checked query.

    Attributes:
        dimensions, metrics: The columns.
        date_period: All days, or the service's own format for them.
        windows: The days of each request of an app.
        app_tokens: The apps, in the requested order; empty for all apps of the account.
        by_app: Whether there is one request for each app.
        parameters: All other parameters and filters, by their names on the wire.
        keep_failures: Whether to continue with the other apps if one fails.
        attr_dependency: The treatment of `attr_dependency` in the rows.
    """

    dimensions: tuple[str, ...]
    metrics: tuple[str, ...]
    date_period: Period | str
    windows: tuple[Period | str, ...]
    app_tokens: tuple[str, ...] = ()
    by_app: bool = False
    parameters: Mapping[str, Value] = attrs.field(factory=dict)
    keep_failures: bool = False
    attr_dependency: AttrDependency = "drop"

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns, dimensions first."""
        return self.dimensions + self.metrics

    @property
    def units(self) -> tuple[str, ...]:
        """The apps that have their own requests; an empty token if one request covers all apps."""
        return self.app_tokens if self.by_app else ("",)

    @property
    def apps(self) -> tuple[str, ...]:
        """The apps that may have rows: the requested ones, or those of a filter; empty for all."""
        chosen = self.parameters.get("app_token__in")
        return chosen.texts if isinstance(chosen, Texts) else self.app_tokens

    @property
    def index(self) -> tuple[str, ...]:
        """The dimensions of a pivot report's index."""
        index = self.parameters.get("index", ())
        return index if isinstance(index, tuple) else ()

    @property
    def has_readable_names(self) -> bool:
        """Whether a CSV has the dashboard's names as headers."""
        return self.parameters.get("readable_names") is True

    def query(self, app_token: str | None = None, window: Period | str | None = None) -> dict[str, str]:
        """Encode the parameters of one request.

        Args:
            app_token: The app of the request; `None` for all.
            window: Its days; `None` for all.
        """
        values: dict[str, Value] = {
            "dimensions": self.dimensions,
            "metrics": self.metrics,
            "date_period": self.date_period if window is None else window,
            **self.parameters,
        }
        if app_token is not None:
            values["app_token__in"] = (app_token,)
        elif self.app_tokens:
            values["app_token__in"] = self.app_tokens
        return encode_query(values)


def check_question(
    query: Mapping[str, Any],
    *,
    app_tokens: object,
    parameters: object,
    takes: type = ReportQuery,
    fan_out: object = "none",
    window: object = None,
    on_failure: object = "raise",
    attr_dependency: object = None,
) -> ReportQuestion:
    """Check all arguments of a call.

    Raises:
        ConfigurationError: One is wrong.
    """
    __tracebackhide__ = True
    if fan_out is not None and not (isinstance(fan_out, str) and fan_out in {"app", "none"}):
        raise ConfigurationError(f"fan_out is {shown(fan_out)}: pass 'app' or 'none'")
    keep_failures = check_on_failure(on_failure)
    dependency = "drop" if attr_dependency is None else check_attr_dependency(attr_dependency)
    apps = () if app_tokens is None else tuple(check_app_tokens(app_tokens))
    dimensions, metrics, date_period, values = check_query(query, takes, parameters, own=_OWN)
    if apps and "app_token__in" in values:
        holder = "filters" if isinstance(values["app_token__in"], Texts) else "parameters"
        raise ConfigurationError(f"{holder} holds 'app_token__in', and app_tokens is passed too: pass one of them")
    if attr_dependency is not None:
        values.setdefault("include_attr_dependency", dependency != "drop")
    if fan_out == "app" and not apps:
        raise ConfigurationError("fan_out is 'app', but app_tokens is missing: pass it")
    of_the_whole = next((name for name in _OF_THE_WHOLE if name in values), None)
    by_app = bool(apps) and (fan_out == "app" or (fan_out is None and not (len(apps) > 1 and of_the_whole)))
    windows = split_period(date_period, window, dimensions)
    if "period_over_period" in values and len(windows) > 1:
        raise ConfigurationError("period_over_period is passed with window, and would compare each window by itself")
    if of_the_whole and ((by_app and len(apps) > 1) or len(windows) > 1):
        raise ConfigurationError(
            f"{of_the_whole} is passed for a report in parts, and would apply to each part: pass fan_out='none' and no "
            "window, or leave it out"
        )
    return ReportQuestion(
        dimensions=dimensions,
        metrics=metrics,
        date_period=date_period,
        windows=windows,
        app_tokens=apps,
        by_app=by_app,
        parameters=values,
        keep_failures=keep_failures,
        attr_dependency=dependency,
    )
