"""The Campaign API's envelopes."""

import base64
import os
import time
from typing import Any

import orjson

_REQUEST_ID_BYTES = 15


def stamped(version: int) -> dict[str, Any]:
    """Make what every v1 envelope and every error begins with: `api_version`, `request_id`, `timestamp`."""
    return {
        "api_version": str(version),
        "request_id": base64.urlsafe_b64encode(os.urandom(_REQUEST_ID_BYTES)).decode(),
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def error_envelope(version: int, message: str) -> bytes:
    """Encode a refusal or a failure."""
    return orjson.dumps({"error": stamped(version) | {"message": message}})


def item_envelope(version: int, item: dict[str, Any]) -> bytes:
    """Encode the answer to a create or an update: one item, no paging."""
    return orjson.dumps({"data": stamped(version) | {"items": [item]}})


def page_envelope(version: int, paging: dict[str, Any], items: list[dict[str, Any]]) -> bytes:
    """Encode a page of a list; v2 has nothing in it but the paging and the items."""
    content = {"paging": paging, "items": items}
    return orjson.dumps({"data": stamped(version) | content if version == 1 else content})


def version_of(path: str) -> int:
    """Return the version of the Campaign API that a path names, 1 for a path that names none."""
    return 2 if path.startswith("/public/v2/") else 1
