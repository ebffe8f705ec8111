"""The running requests of a run. An abandoned request is in doubt."""

import asyncio
from collections.abc import Awaitable

from adjust_async.campaign.models import Tracker
from adjust_async.campaign.provisioning.tree import Node
from adjust_async.errors import AdjustError, APITimeoutError, ClientClosedError

__all__ = ["Sending"]


class Sending:
    """The creates and updates of one run that wait for their answers."""

    def __init__(self) -> None:
        self._scopes: set[asyncio.Timeout] = set()

    def cut_short(self) -> None:
        """Stop waiting for answers."""
        now = asyncio.get_running_loop().time()
        for scope in self._scopes:
            if not scope.expired():
                scope.reschedule(now)

    async def send(self, node: Node, call: Awaitable[Tracker], method: str) -> Tracker:
        """Await a call, at most until `cut_short`, and return its tracker.

        Raises:
            APITimeoutError: It was cut short.
            AdjustError: The call's own error.
        """
        scope = asyncio.timeout(None)
        self._scopes.add(scope)
        node.sending = True
        try:
            async with scope:
                tracker = await call
                node.sending = False
                return tracker
        except TimeoutError:
            if not scope.expired():
                raise
            late = f"no answer arrived for {node.path!r} within grace_time after the run was stopped"
            raise APITimeoutError(late, method=method, path="trackers", service="api") from None
        except ClientClosedError:
            raise  # it may have been raised while the request was running
        except AdjustError:
            node.sending = False
            raise
        finally:
            self._scopes.discard(scope)
