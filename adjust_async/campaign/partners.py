"""`adjust.partners`: the partners that trackers can be linked to."""

from adjust_async._http.session import Session
from adjust_async.campaign.models import Partner
from adjust_async.campaign.pages import CursorPages, Start

__all__ = ["Partners"]


class Partners:
    """The partners of the account. Follows "Get Partners" of the Campaign API."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def list(
        self,
        *,
        page_size: int | None = None,
        after: str | None = None,
        before: str | None = None,
        cursor: str | None = None,
        max_items: int | None = None,
        prefetch: int = 1,
    ) -> CursorPages[Partner]:
        """List all partners that trackers can be linked to.

        The arguments are those of `Trackers.list`.

        Returns:
            The partners as `CursorPages`. Nothing is sent before it is iterated.

        Raises:
            ConfigurationError: An argument is wrong. Nothing was sent.
        """
        start = Start.check(
            self._session.config.campaign_version,
            page_size=page_size,
            after=after,
            before=before,
            cursor=cursor,
            max_items=max_items,
            prefetch=prefetch,
        )
        return CursorPages(self._session, f"/public/{start.version}/partners", Partner, start)
