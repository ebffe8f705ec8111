"""A lease as its holder sees it, by two clocks."""

import math

import pytest

from adjust_async import ConfigurationError
from adjust_async.coordination.shared import leases
from adjust_async.coordination.shared.leases import Lease, check_lease


class Clocks:
    """Both clocks, which can be moved."""

    def __init__(self) -> None:
        self.steady = 100.0
        self.wall = 1e9

    def monotonic(self) -> float:
        """Return the monotonic clock's time."""
        return self.steady

    def time(self) -> float:
        """Return the wall clock's time."""
        return self.wall


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    """Return the clocks that the leases of this test use."""
    made = Clocks()
    monkeypatch.setattr(leases, "time", made)
    return made


def test_a_lease_is_valid_until_its_margin(clocks: Clocks) -> None:
    """A lease that was never confirmed is not valid; one that was is, until a fifth of it is left."""
    lease = Lease(10.0)
    states = [(lease.valid, lease.due)]
    lease.confirm(lease.now())
    for step in (0.0, 7.9, 0.1):
        clocks.steady += step
        clocks.wall += step
        states.append((lease.valid, lease.due))
    assert states == [(False, 0.0), (True, 2.5), (True, 0.0), (False, 0.0)]


def test_a_lease_counts_from_when_it_was_asked_for(clocks: Clocks) -> None:
    """The time that the lender took to answer is part of the lease."""
    lease = Lease(10.0)
    asked = lease.now()
    clocks.steady += 9
    clocks.wall += 9
    lease.confirm(asked)
    assert not lease.valid


@pytest.mark.parametrize("moved", [9.0, -0.1, 3600.0, -3600.0])
def test_the_wall_clock_counts_too(clocks: Clocks, moved: float) -> None:
    """After the machine slept, or a clock was set, the lease counts as invalid, because nobody knows whether it is."""
    lease = Lease(10.0)
    lease.confirm(lease.now())
    clocks.wall += moved
    states = [lease.valid]
    lease.confirm(lease.now())
    assert [*states, lease.valid] == [False, True]


@pytest.mark.usefixtures("clocks")
def test_an_ended_lease_is_not_valid() -> None:
    """A returned lease is not used any more."""
    lease = Lease(10.0)
    lease.confirm(lease.now())
    lease.end()
    assert not lease.valid


@pytest.mark.parametrize("value", [0, 0.99, 600.1, math.inf, math.nan, -5, True, "10", None])
def test_invalid_leases(value: object) -> None:
    """A lease is a number of seconds for which an event loop may block."""
    with pytest.raises(ConfigurationError, match=r"lease is .*: pass seconds from 1 to 600"):
        check_lease(value)


def test_valid_leases() -> None:
    """Integers are seconds, too."""
    assert (check_lease(1), check_lease(600.0)) == (1.0, 600.0)
