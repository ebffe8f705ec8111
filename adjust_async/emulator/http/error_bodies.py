"""The error bodies of each API.

The Campaign API sends them in its envelope, the Report Service with a code, and the others in various formats.
"""

import base64
import html
import os
import time
from http import HTTPStatus
from typing import Any

import orjson
from starlette.types import Send

from adjust_async.emulator.http.refusals import RefusalError
from adjust_async.emulator.http.responses import JSON, send_response

_WITHOUT_ENVELOPE = ("/kpis/", "/dashboard/")

REPORT_ROOTS = ("/reports-service/", "/control-center/reports-service/")
"""The paths of the Report Service: on its own host, and on its older one."""

_TEXT = frozenset({403, 405, 500})
_HTML = frozenset({410, 503})
_MESSAGE_OBJECT = frozenset({401, 429})
_REPORT_CODES = {401: "auth_error", 403: "auth_error"}
_FIRST_SERVER_ERROR = 500
_REQUEST_ID_BYTES = 15


async def send_refusal(send: Send, path: str, refusal: RefusalError) -> None:
    """Send a refusal in the format that the API of `path` uses for its status."""
    status, message = refusal.status, refusal.message
    if is_report(path):
        body, content_type = _report_error(refusal), JSON
    elif path.startswith(_WITHOUT_ENVELOPE):
        body, content_type = _unenveloped(status, message)
    else:
        body, content_type = error_envelope(version_of(path), message), JSON
    await send_response(send, status, body, content_type=content_type, headers=refusal.headers)


def is_report(path: str) -> bool:
    """Return whether a path is the Report Service's."""
    return path.startswith(REPORT_ROOTS)


def _report_error(refusal: RefusalError) -> bytes:
    status, error_code = refusal.status, refusal.error_code
    if error_code is None:
        error_code = "service_error" if status >= _FIRST_SERVER_ERROR else _REPORT_CODES.get(status, "request_error")
    error: dict[str, Any] = {"error_code": error_code, "error_desc": refusal.message}
    if refusal.details:
        error["error_desc_details"] = list(refusal.details)
    return orjson.dumps(error)


def _unenveloped(status: int, message: str) -> tuple[bytes, str]:
    """Return an error body for an API without an envelope. The format depends on the status, so that each occurs."""
    if status in _TEXT:
        return message.encode(), "text/plain; charset=utf-8"
    if status in _HTML:
        title = f"{status} {HTTPStatus(status).phrase}"
        page = (
            f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n"
            f"<p>{html.escape(message)}</p>\r\n</body>\r\n</html>\r\n"
        )
        return page.encode(), "text/html; charset=utf-8"
    return orjson.dumps({"error": {"message": message} if status in _MESSAGE_OBJECT else message}), JSON


def stamped(version: int) -> dict[str, Any]:
    """Return the first fields of v1 envelopes and of all errors: `api_version`, `request_id`, `timestamp`."""
    return {
        "api_version": str(version),
        "request_id": base64.urlsafe_b64encode(os.urandom(_REQUEST_ID_BYTES)).decode(),
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def error_envelope(version: int, message: str) -> bytes:
    """Encode an error in the envelope."""
    return orjson.dumps({"error": stamped(version) | {"message": message}})


def version_of(path: str) -> int:
    """Return the version of the Campaign API in a path, or 1 if there is none."""
    return 2 if path.startswith("/public/v2/") else 1
