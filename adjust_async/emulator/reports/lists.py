"""Lists in one parameter."""

import re

_ITEM = re.compile(r'\s*(?:"(?P<quoted>[^"]*)"|(?P<plain>[^,]*))\s*(?:,|$)')


def read_list(text: str) -> list[str]:
    """Split a list at its commas, without repetitions; items may stand in double quotes and hold commas then."""
    items = (match["quoted"] or (match["plain"] or "").strip() for match in _ITEM.finditer(text))
    return list(dict.fromkeys(item for item in items if item))
