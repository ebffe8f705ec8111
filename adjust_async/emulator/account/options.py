"""The options of a new account."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from adjust_async.emulator.account.catalog import PARTNERS
from adjust_async.emulator.account.currencies import CURRENCIES

SEPARATOR = "::"
DEEPEST_LEVEL = 4

_TRACKERS_PER_APP = 400
_FACTS_PER_DAY = 40
_TOKEN = re.compile(r"[\w.~-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class EmulatedApp:
    """An app of the emulator: its token, its name (by default a generated one), and its currency.

    Raises `ValueError` for a token that can't be part of a path, and for a currency that the emulator does not know.
    """

    token: str
    name: str | None = None
    currency: str = "USD"

    def __post_init__(self) -> None:
        if not _TOKEN.fullmatch(self.token):
            raise ValueError(f"The token of an app is letters and digits, such as 'yxs12pfewq', not {self.token!r}.")
        codes = [currency.iso_code for currency in CURRENCIES]
        if self.currency not in codes:
            raise ValueError(f"The currency of app {self.token} is one of {', '.join(codes)}, not {self.currency!r}.")


@dataclass(frozen=True, slots=True)
class AccountOptions:
    """The options of `Emulator` for a new account. Raises `ValueError` for an invalid one."""

    seed: int = 1
    apps: int | Sequence[EmulatedApp] = 5
    trackers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    trackers_per_app: int | None = None
    partners: int = 120
    facts_per_day: int | None = None

    def __post_init__(self) -> None:
        if isinstance(self.apps, int):
            check_range("apps", self.apps, 1)
        else:
            _check_apps(self.apps)
        check_range("trackers_per_app", self.trackers_of_each_app, 0)
        check_range("partners", self.partners, 1, len(PARTNERS))
        check_range("facts_per_day", self.facts_of_each_day, 0)
        for app_token, names in self.trackers.items():
            _check_names(app_token, names)

    @property
    def identity(self) -> object:
        """What two options that make the same account have in common."""
        apps = self.apps if isinstance(self.apps, int) else tuple(self.apps)
        trackers = tuple((app_token, tuple(names)) for app_token, names in self.trackers.items())
        return self.seed, apps, trackers, self.trackers_of_each_app, self.partners

    @property
    def trackers_of_each_app(self) -> int:
        """The number of trackers generated for an app that is not in `trackers`."""
        if self.trackers_per_app is not None:
            return self.trackers_per_app
        return _TRACKERS_PER_APP if isinstance(self.apps, int) else 0

    @property
    def facts_of_each_day(self) -> int:
        """The number of facts generated for each app and day."""
        if self.facts_per_day is not None:
            return self.facts_per_day
        return _FACTS_PER_DAY if isinstance(self.apps, int) else 0


def check_range(name: str, value: float, lowest: float, highest: float = float("inf")) -> None:
    """Raise `ValueError` for a number that is out of range."""
    if not lowest <= value <= highest:
        bounds = f"at least {lowest}" if highest == float("inf") else f"from {lowest} to {highest}"
        raise ValueError(f"{name} must be {bounds}, not {value!r}.")


def _check_apps(apps: Sequence[EmulatedApp]) -> None:
    if not apps or not all(isinstance(app, EmulatedApp) for app in apps):
        raise ValueError("apps is a number, or a list of EmulatedApp, such as [EmulatedApp('yxs12pfewq', 'My Game')].")
    tokens = [app.token for app in apps]
    for token in tokens:
        if tokens.count(token) > 1:
            raise ValueError(f"apps has two apps with the token {token}.")


def _check_names(app_token: str, names: Sequence[str]) -> None:
    if isinstance(names, str):
        raise ValueError(f"trackers[{app_token!r}] is a list of names: [{names!r}].")  # noqa: TRY004 # as all others
    for name in names:
        labels = name.split(SEPARATOR)
        if not all(label.strip() for label in labels) or len(labels) > DEEPEST_LEVEL:
            raise ValueError(
                f"trackers[{app_token!r}] has {name!r}; a name is up to {DEEPEST_LEVEL} labels joined by {SEPARATOR}."
            )
