import re
from typing import Any

import pytest

from adjust_async.emulator import CURSOR_FAULTS, RECOVERABLE_FAULTS, Emulator, Fault, Faults
from adjust_async.emulator.faults.kinds import ANSWER_FAULTS, LIST_DELAYS, LIST_FAULTS, WRITE_FAULTS
from tests.conftest import PassTime


def drawn(faults: Faults, count: int = 1000, method: str = "GET") -> list[Fault | None]:
    """Draw for that many requests."""
    return [faults.draw(method, "/public/v1/partners") for _ in range(count)]


def test_rate() -> None:
    """The given share of the requests has faults, of all kinds equally."""
    found = [fault for fault in drawn(Faults(0.2), 10_000) if fault]
    assert 1800 < len(found) < 2200
    assert set(found) == set(RECOVERABLE_FAULTS)
    assert min(found.count(kind) for kind in RECOVERABLE_FAULTS) > 100


def test_no_rate_and_full_rate() -> None:
    """A rate of 0 spares every request, a rate of 1 none."""
    assert set(drawn(Faults(0))) == {None}
    assert None not in drawn(Faults(1))


def test_seed() -> None:
    """One seed draws the same faults again, another one others."""
    assert drawn(Faults(0.5, seed=3)) == drawn(Faults(0.5, seed=3))
    assert drawn(Faults(0.5, seed=3)) != drawn(Faults(0.5, seed=4))


def test_recoverable_faults() -> None:
    """A client that expects failed writes can overcome everything but a repeated cursor and a hang."""
    assert set(Fault) - set(WRITE_FAULTS) == {"repeated-cursor", "hang"}
    assert set(WRITE_FAULTS) - set(RECOVERABLE_FAULTS) == {
        "429-storm", "500-after", "503-after", "drop-late", "moved-list", "repeated-item", "stale-has-subtrackers",
        "unlisted", "wrong-tracker",
    }  # fmt: skip


def test_seeds_keep_their_meaning() -> None:
    """The faults that a seed draws by default never change, whatever kinds are added."""
    faults = Faults(1, seed=5)
    assert drawn(faults, 4) == ["empty-page", "empty-page", "empty-page", "truncated-body"]
    assert drawn(faults, 2) == ["drop-after", "502-html"]
    assert drawn(faults, 6, method="POST") == [
        "500",
        "drop-after",
        "drop-before",
        "truncated-json",
        "502-html",
        "500",
    ]


def test_cursor_faults_are_for_gets() -> None:
    """A request that reads no list draws from the other kinds, at the same rate."""
    assert CURSOR_FAULTS.isdisjoint(drawn(Faults(1), method="POST"))
    assert None not in drawn(Faults(1), method="POST")
    assert set(drawn(Faults(1, ["empty-page"]), method="POST")) == {None}


def test_faults_of_writes() -> None:
    """Faults of writes are drawn from all recoverable kinds, and kinds that only writes can have for writes only."""
    faults = Faults.of_writes(0.5, seed=2, retry_after=3, drip=0.5, late=0.7, storm=0)
    assert (faults.rate, faults.retry_after, faults.drip, faults.late, faults.storm) == (0.5, 3, 0.5, 0.7, 0)
    assert set(drawn(faults, method="GET")) == {None, *WRITE_FAULTS} - LIST_DELAYS - ANSWER_FAULTS
    for method in "POST", "PATCH":
        assert set(drawn(faults, method=method)) == {None, *WRITE_FAULTS} - LIST_FAULTS
    assert set(drawn(Faults(1, ["unlisted"]))) == {None}


def test_storm(pass_time: PassTime) -> None:
    """A storm refuses requests without drawing faults for them, and spares those that do not match."""
    faults = Faults.script(["429-storm", "500"], storm=60, match="POST")
    assert drawn(faults, 3, method="POST") == ["429-storm"] * 3
    assert drawn(faults, 3) == [None] * 3
    pass_time(60)
    assert drawn(faults, 2, method="POST") == ["500", None]


def test_script() -> None:
    """A script sets the fault of each request. After its end there are none."""
    faults = Faults.script(["500", None, Fault.HANG])
    assert drawn(faults, 5) == ["500", None, "hang", None, None]


def test_match_by_pattern() -> None:
    """A pattern is searched in method, path and query."""
    faults = Faults(1, ["500"], match=re.compile(r"^POST .*/trackers$|limit=\d\d"))
    assert faults.draw("POST", "/public/v1/apps/a/trackers")
    assert faults.draw("GET", "/public/v1/partners?limit=50")
    assert not faults.draw("GET", "/public/v1/apps/a/trackers")
    assert not faults.draw("GET", "/public/v1/partners?limit=5")


@pytest.mark.parametrize("make", [lambda kind: Faults(0.5, [kind]), lambda kind: Faults.script([None, kind])])
def test_unknown_kinds(make: Any) -> None:
    """An unknown kind is refused with the list of those that exist."""
    with pytest.raises(ValueError, match=r"'418' is not a valid Fault; the faults are 429, 429-retry-after, .*hang"):
        make("418")


@pytest.mark.parametrize(
    "options",
    [
        {"rate": 1.5},
        {"rate": -0.1},
        {"rate": 1, "kinds": []},
        {"rate": 1, "retry_after": -1},
        {"rate": 1, "drip": -1},
        {"rate": 1, "late": -1},
        {"rate": 1, "storm": -1},
        {"rate": 1, "retry_after_form": "minutes"},
    ],
)
def test_bad_options(options: dict[str, Any]) -> None:
    """An option out of its range is refused at once."""
    with pytest.raises(ValueError, match=r"rate|kinds|retry_after|drip|late|storm"):
        Faults(**options)


def test_bare_text() -> None:
    """A text instead of a list is refused, with the list to use."""
    with pytest.raises(TypeError, match=re.escape("['500']")):
        Emulator(faults="500")
    with pytest.raises(TypeError, match=re.escape("['500']")):
        Faults(1, "500")
    with pytest.raises(TypeError, match=re.escape("['500']")):
        Faults.script("500")
