"""The Campaign API's success envelopes."""

from typing import Any

import orjson

from adjust_async.emulator.http.error_bodies import stamped


def item_envelope(version: int, item: dict[str, Any]) -> bytes:
    """Encode the answer to a create or an update: one item, no paging."""
    return orjson.dumps({"data": stamped(version) | {"items": [item]}})


def page_envelope(version: int, paging: dict[str, Any], items: list[dict[str, Any]]) -> bytes:
    """Encode a page of a list; v2 has only the paging and the items."""
    content = {"paging": paging, "items": items}
    return orjson.dumps({"data": stamped(version) | content if version == 1 else content})
