"""Requests under way: each can be given up, after which it is in doubt."""

import asyncio
from collections.abc import Awaitable

from adjust_async.campaign.models import Tracker
from adjust_async.campaign.provisioning.tree import Node
from adjust_async.errors import AdjustError, APITimeoutError, ClientClosedError

__all__ = ["Sending"]


class Sending:
    """The creates and updates of one run that await their answers."""

    def __init__(self) -> None:
        self._scopes: set[asyncio.Timeout] = set()

    def cut_short(self) -> None:
        """Await no answers any more."""
        now = asyncio.get_running_loop().time()
        for scope in self._scopes:
            if not scope.expired():
                scope.reschedule(now)

    async def send(self, node: Node, call: Awaitable[Tracker], method: str) -> Tracker:
        """Await a call, until `cut_short`.

        Raises:
            APITimeoutError: It was cut short.
            AdjustError: What the call raised.
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
            late = f"no answer came for {node.path!r} within grace_time after the end was asked for"
            raise APITimeoutError(late, method=method, path="trackers") from None
        except ClientClosedError:
            raise  # which may have come in the middle of it
        except AdjustError:
            node.sending = False
            raise
        finally:
            self._scopes.discard(scope)
