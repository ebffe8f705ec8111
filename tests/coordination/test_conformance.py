"""Every coordinator passes the public suite, and the suite finds one that does not."""

import pytest

from adjust_async.coordination import Coordinator, InProcessCoordinator
from adjust_async.coordination.conformance import CHECKS, Check, ConformanceError, permits_are_shared
from tests.coordination.conftest import Connect

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_conformance(check: Check, connect: Connect) -> None:
    """Each coordinator does what every coordinator must."""
    await check(connect)


async def test_the_suite_finds_limits_that_are_not_shared() -> None:
    """A coordinator whose members don't meet does not pass."""

    def apart() -> Coordinator:
        return InProcessCoordinator()

    with pytest.raises(ConformanceError, match="6 requests ran at once, and 3 are allowed"):
        await permits_are_shared(apart)


def test_every_check_is_listed() -> None:
    """Every check in the module is run."""
    module = __import__("adjust_async.coordination.conformance", fromlist=["CHECKS"])
    checks = {
        value
        for name, value in vars(module).items()
        if callable(value) and not name.startswith("_") and value.__module__ == module.__name__ and name[0].islower()
    }
    assert checks == set(CHECKS)
