"""Values as text."""

from adjust_async.emulator.reports.formulas import Number


def write_number(value: Number) -> str:
    """Return a number as text: integers without a decimal point, and others with one."""
    text = repr(value)
    if "e" not in text:
        return text
    return f"{value:.6f}"
