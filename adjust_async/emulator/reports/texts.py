"""Values as the texts of a row."""

from adjust_async.emulator.reports.formulas import Number


def write_number(value: Number) -> str:
    """Write a whole number without a point, and any other with one."""
    text = repr(value)
    if "e" not in text:
        return text
    return f"{value:.6f}"
