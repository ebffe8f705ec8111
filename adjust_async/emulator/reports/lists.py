"""Lists in one parameter."""

import re

_ITEM = re.compile(r'\s*(?:"(?P<quoted>(?:[^"]|"")*)"\s*(?=,|$)|(?P<plain>[^,]*))(?:,|$)')


def read_list(text: str) -> list[str]:
    """Split a list at its commas, and drop repetitions.

    An item in double quotes may contain commas, and double quotes that are doubled.
    """
    items = (
        (match["plain"] or "").strip() if match["quoted"] is None else match["quoted"].replace('""', '"')
        for match in _ITEM.finditer(text)
    )
    return list(dict.fromkeys(item for item in items if item))
