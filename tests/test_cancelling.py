"""Calls that end early, with every transport: nothing hangs, nothing is left, and no foreign error is raised."""

import gc
import tracemalloc

import pytest
import trustme

from tests.cancelling import WAYS, cancel_calls, fail_calls
from tests.transports.peers import KINDS, LOOPS

pytestmark = pytest.mark.anyio

COMBINATIONS = [(kind, way) for kind in KINDS for way in WAYS if (kind, way) != ("AiohttpTransport", "HTTP/2")]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A certificate authority that is not trusted by default."""
    return trustme.CA()


@pytest.mark.parametrize("anyio_backend", LOOPS)
@pytest.mark.parametrize(("kind", "way"), COMBINATIONS)
async def test_calls_cancelled_at_random_moments(kind: str, way: str, authority: trustme.CA) -> None:
    """However a call is cancelled, it ends as cancelled or done, and no permit, call, connection or task is left."""
    outcome = await cancel_calls(kind, way, 100, authority)
    assert set(outcome.ended) <= {"done", "cancelled"}
    assert outcome.ended.total() == 100
    assert (outcome.permits, outcome.calls, outcome.busy, outcome.tasks) == (0, 0, 0, 0)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
async def test_calls_under_faults_keep_no_memory(kind: str) -> None:
    """A client with failures in a third of its calls uses as much memory at the end as at the start."""
    gc.collect()
    tracemalloc.start()
    try:
        ended, memory = await fail_calls(kind, 400, share=0.3)
    finally:
        tracemalloc.stop()
    assert ended.total() == 400
    assert ended["done"] < 400
    # MiB; what the first tenth has set up stays, and each measurement has its noise.
    assert min(memory[5:]) < min(memory[1:5]) + 0.15
