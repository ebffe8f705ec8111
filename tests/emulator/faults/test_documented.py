import re
from pathlib import Path

from adjust_async.emulator import RECOVERABLE_FAULTS, WRITE_FAULTS, Fault

PAGE = Path(__file__).parents[3] / "docs/reference/emulator.md"


def test_every_fault_has_a_line() -> None:
    """The page about the emulator lists each fault in order, and says which client overcomes it."""
    lines = re.findall(r"^\| `([^`]+)` \| .+ \| (yes|writes|no) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert [name for name, _ in lines] == list(Fault)
    for name, recoverable in lines:
        fault = Fault(name)
        expected = "yes" if fault in RECOVERABLE_FAULTS else "writes" if fault in WRITE_FAULTS else "no"
        assert recoverable == expected, name
