"""What a client knows about its account: the names for reports, and the apps."""

import asyncio
import copy
import logging
from collections.abc import Iterable, Mapping

from adjust_async._http.session import Session
from adjust_async._suggestions import near_names_in_thread
from adjust_async.errors import AdjustError, ClientClosedError
from adjust_async.reports.lookups import ask_filters, check_filters
from adjust_async.reports.models import FilterValue
from adjust_async.reports.refusals import KnownNames

__all__ = ["Account"]

logger = logging.getLogger("adjust_async")


class Account:
    """An account as one client sees it.

    Attributes:
        session: The client's session.
        names: The names of metrics and dimensions that `filters` has returned.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.names = KnownNames()
        self._apps: dict[str, str] = {}
        self._looked_up = asyncio.Event()
        self._lookup = asyncio.Lock()

    def over(self, session: Session) -> "Account":
        """Return a copy for a view of the session. Both share what they learn."""
        view = copy.copy(self)
        view.session = session
        return view

    async def unknown_apps(self, tokens: Iterable[str]) -> list[str]:
        """Return a warning for each app that the account does not have.

        The account's apps are requested only once. If that fails, there are no warnings.
        """
        async with self._lookup:
            if not self._looked_up.is_set():
                self._apps.update(await self._look_up())
                self._looked_up.set()
        if not self._apps:
            return []
        unknown = [token for token in tokens if token not in self._apps]
        near = await near_names_in_thread(unknown, self._apps)
        return [_warning(token, near.get(token, ()), self._apps) for token in unknown]

    async def _look_up(self) -> Mapping[str, str]:
        try:
            lists = await ask_filters(self.session, check_filters(["apps"], None, None))
        except ClientClosedError:
            raise
        except AdjustError as error:
            logger.debug("the account's apps could not be looked up: %s", error)
            return {}
        return {app.id: app.name or "" for app in lists["apps"] if isinstance(app, FilterValue)}


def _warning(token: str, near: Iterable[str], apps: Mapping[str, str]) -> str:
    named = [f"{one!r} ({apps[one]})" if apps[one] else repr(one) for one in near]
    hint = f": did you mean {' or '.join(named)}?" if named else ""
    return f"there are no rows of app {token!r}, which is not among the account's {len(apps)} apps{hint}"
