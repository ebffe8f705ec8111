"""What a client has learned about its account: the names for reports, and the apps."""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from adjust_async._http.session import Session
from adjust_async.errors import AdjustError, ClientClosedError
from adjust_async.reports.lookups import ask_filters
from adjust_async.reports.models import FilterValue
from adjust_async.reports.refusals import KnownNames

__all__ = ["Account"]

logger = logging.getLogger("adjust_async")


class Account:
    """An account as one client sees it.

    Attributes:
        session: The client's session.
        names: The names of metrics and dimensions, as far as `filters` returned them.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.names = KnownNames()
        self._apps: Mapping[str, str] | None = None
        self._lookup = asyncio.Lock()

    async def unknown_apps(self, tokens: Iterable[str]) -> list[str]:
        """Return a warning for every app that the account does not have.

        The account's apps are looked up once. Where that fails, nothing is known, and there are no warnings.
        """
        async with self._lookup:
            if self._apps is None:
                self._apps = await self._look_up()
        if not self._apps:
            return []
        return [self._warning(token, self._apps) for token in tokens if token not in self._apps]

    async def _look_up(self) -> Mapping[str, str]:
        try:
            lists = await ask_filters(self.session, ["apps"], None, None)
        except ClientClosedError:
            raise
        except AdjustError as error:
            logger.debug("the account's apps could not be looked up: %s", error)
            return {}
        return {app.id: app.name or "" for app in lists["apps"] if isinstance(app, FilterValue)}

    def _warning(self, token: str, apps: Mapping[str, str]) -> str:
        near = [f"{one!r} ({apps[one]})" if apps[one] else repr(one) for one in get_close_matches(token, apps, 3)]
        hint = f": did you mean {' or '.join(near)}?" if near else ""
        return f"there are no rows of app {token!r}, which is not among the account's {len(apps)} apps{hint}"
