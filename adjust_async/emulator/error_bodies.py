"""How each API words an error: the Campaign API in its envelope, the others in whatever shape their layers have."""

import html
from collections.abc import Mapping
from http import HTTPStatus

import orjson
from starlette.types import Send

from adjust_async.emulator.envelopes import error_envelope, send_response, version_of

_JSON = "application/json; charset=utf-8"
_WITHOUT_ENVELOPE = ("/kpis/", "/dashboard/")

_TEXT = frozenset({403, 405, 500})
_HTML = frozenset({410, 503})
_MESSAGE_OBJECT = frozenset({401, 429})


async def send_error(
    send: Send, path: str, status: int, message: str, headers: Mapping[str, str] | None = None
) -> None:
    """Answer the request for `path` with an error in the shape that its API gives to that status."""
    if path.startswith(_WITHOUT_ENVELOPE):
        body, content_type = _unenveloped(status, message)
    else:
        body, content_type = error_envelope(version_of(path), message), _JSON
    await send_response(send, status, body, content_type=content_type, headers=headers)


def _unenveloped(status: int, message: str) -> tuple[bytes, str]:
    """Shape an error of an API without an envelope; by status, so that each shape occurs and can be relied on."""
    if status in _TEXT:
        return message.encode(), "text/plain; charset=utf-8"
    if status in _HTML:
        title = f"{status} {HTTPStatus(status).phrase}"
        page = (
            f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n"
            f"<p>{html.escape(message)}</p>\r\n</body>\r\n</html>\r\n"
        )
        return page.encode(), "text/html; charset=utf-8"
    return orjson.dumps({"error": {"message": message} if status in _MESSAGE_OBJECT else message}), _JSON
