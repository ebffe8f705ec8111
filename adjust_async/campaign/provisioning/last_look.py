"""The last look of a run: it lists again the branches in which trackers were created, or may have been."""

from adjust_async.campaign.provisioning.compare import Comparison
from adjust_async.campaign.provisioning.tree import Node
from adjust_async.errors import AdjustError, ClientClosedError

__all__ = ["LastLook"]

#: The number of creates from which the branches are listed by default.
MANY = 1_000


class LastLook:
    """Collects the branches to list.

    Args:
        comparison: Lists them.
        verify: Whether to list them; `None` to list them after many creates, or after any create in doubt.

    Attributes:
        taken: Whether all of these branches were listed.
    """

    def __init__(self, comparison: Comparison, verify: bool | None) -> None:
        self.taken = False
        self._comparison = comparison
        self._verify = verify
        self._branches: dict[Node, None] = {}
        self._created = 0
        self._uncertain = False

    def count(self, created: int = 1) -> None:
        """Count creates whose branch was recorded before."""
        self._created += created

    def at_created(self, parent: Node) -> None:
        """Record that something was created below a node."""
        self.count()
        self._branches[parent] = None

    def at_uncertain(self, parent: Node) -> None:
        """Record that something may have been created below a node."""
        self._uncertain = True
        self._branches[parent] = None

    async def take(self) -> None:
        """List the branches if it is needed. An error does not fail the run, which has done everything else."""
        needed = self._created >= MANY or self._uncertain if self._verify is None else self._verify
        if not needed:
            return
        try:
            await self._comparison.verify(list(self._branches))
        except ClientClosedError:
            raise
        except AdjustError:
            return
        self.taken = True
