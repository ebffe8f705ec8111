"""The Campaign API's envelopes, and how they are sent."""

import base64
import os
import time
from collections.abc import Mapping
from typing import Any

import orjson
from starlette.types import Send

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
    """Tell the version of the Campaign API by the path, 1 for a path that has none."""
    return 2 if path.startswith("/public/v2/") else 1


async def send_response(
    send: Send,
    status: int,
    body: bytes,
    *,
    content_type: str = "application/json; charset=utf-8",
    headers: Mapping[str, str] | None = None,
) -> None:
    """Send a whole response in two plain ASGI messages."""
    raw_headers = [
        (b"content-type", content_type.encode()),
        (b"content-length", str(len(body)).encode()),
        *((name.lower().encode(), value.encode()) for name, value in (headers or {}).items()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": raw_headers})
    await send({"type": "http.response.body", "body": body})
