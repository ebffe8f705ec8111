"""The kinds of a table's columns."""

from typing import Literal, NamedTuple

__all__ = ["Column", "Kind"]

Kind = Literal["text", "integer", "number", "boolean", "date", "moment"]


class Column(NamedTuple):
    """A column of a table.

    Attributes:
        name: Its name.
        kind: `text`; `integer`, a count; `number`, which may have fractions, such as money and rates; `boolean`;
            `date`; or `moment`, a date with a time.
    """

    name: str
    kind: Kind
