"""Apps whose figures can not be had."""

from collections import UserDict
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Self


class AppState(StrEnum):
    """Why requests for the figures of an app fail, at every attempt; the values may stand in place of the members."""

    FORBIDDEN = "forbidden"
    """403: the API token may not see the app."""
    GONE = "gone"
    """410: the service no longer serves this app."""
    BROKEN = "broken"
    """500, always."""
    SLOW = "slow"
    """No answer until the client goes away."""


class AppStates(UserDict[str, AppState]):
    """The state by app token; an app without a state is well. Raises `ValueError` for an unknown state."""

    @classmethod
    def of(cls, states: Mapping[str, AppState | str]) -> Self:
        """Take what `Emulator(app_states=...)` takes."""
        own = cls()
        for app_token, state in states.items():
            own[app_token] = state
        return own

    def __setitem__(self, app_token: str, state: AppState | str) -> None:
        """Set the state that requests for the app meet from now on."""
        try:
            known = AppState(state)
        except ValueError:
            raise ValueError(f"The states of an app are {', '.join(AppState)}, not {state!r}.") from None
        super().__setitem__(app_token, known)

    def first_of(self, app_tokens: Iterable[str]) -> AppState | None:
        """Return the state of the first of these apps that has one, else None."""
        return next((self.data[token] for token in app_tokens if token in self.data), None)
