"""`adjust.partners`: the partners that trackers can be linked to."""

from typing import Unpack

from adjust_async._http.session import Session
from adjust_async._signatures import spelled_out
from adjust_async.campaign.models import Partner
from adjust_async.campaign.pages import CursorPages, Paging, Start

__all__ = ["Partners"]


class Partners:
    """The partners of the account. Follows "Get Partners" of the Campaign API."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @spelled_out
    def list(self, **paging: Unpack[Paging]) -> CursorPages[Partner]:
        """List all partners that trackers can be linked to.

        Args:
            **paging: `page_size`, `after`, `before`, `cursor`, `max_items` and `prefetch`, as for `Trackers.list`.

        Returns:
            The partners as `CursorPages`. Nothing is sent until it is iterated or awaited.

        Raises:
            ConfigurationError: An argument is wrong. Nothing was sent.
        """
        __tracebackhide__ = True
        start = Start.check(self._session.config.campaign_version, paging)
        return CursorPages(self._session, f"/public/{start.version}/partners", Partner, start)
