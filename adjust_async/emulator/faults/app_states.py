"""States of apps in which requests for their figures fail."""

from collections import UserDict
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Self


class AppState(StrEnum):
    """Why requests for an app's figures always fail; the string values may be used instead of the members."""

    FORBIDDEN = "forbidden"
    """403: the API token has no access to the app."""
    GONE = "gone"
    """410: the service no longer serves this app."""
    BROKEN = "broken"
    """500, always."""
    SLOW = "slow"
    """No answer until the client disconnects."""


class AppStates(UserDict[str, AppState]):
    """The states by app token; an app without a state works. Raises `ValueError` for an unknown state."""

    @classmethod
    def of(cls, states: Mapping[str, AppState | str]) -> Self:
        """Return the states for `Emulator(app_states=...)`."""
        own = cls()
        for app_token, state in states.items():
            own[app_token] = state
        return own

    def __setitem__(self, app_token: str, state: AppState | str) -> None:
        """Set the state of an app for later requests."""
        try:
            known = AppState(state)
        except ValueError:
            raise ValueError(f"The states of an app are {', '.join(AppState)}, not {state!r}.") from None
        super().__setitem__(app_token, known)

    def first_of(self, app_tokens: Iterable[str]) -> AppState | None:
        """Return the state of the first of these apps that has one, otherwise None."""
        return next((self.data[token] for token in app_tokens if token in self.data), None)
