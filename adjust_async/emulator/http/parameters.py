"""Parameters of a request, from a JSON object, a form or the query, and checks of their types."""

import re
from typing import Any
from urllib.parse import parse_qsl

import orjson
from starlette.requests import Request

from adjust_async.emulator.http.refusals import RefusalError

_FORM = "application/x-www-form-urlencoded"
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
_BOOLEANS = {"true": True, "false": False}


async def read_parameters(request: Request) -> dict[str, Any]:
    """Return the parameters of the query and the body; the body wins if both have one.

    Raises a 400 `RefusalError` for a body that does not match its content type, and Starlette's `ClientDisconnect`.
    """
    parameters: dict[str, Any] = dict(request.query_params)
    body = await request.body()
    if not body.strip():
        return parameters
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() == _FORM:
        return parameters | _form(body)
    return parameters | _json_object(body)


async def read_json_object(request: Request) -> dict[str, Any]:
    """Return the body as a JSON object; an empty body is an empty one. Raises a 400 `RefusalError`."""
    body = await request.body()
    return _json_object(body) if body.strip() else {}


def text(parameters: dict[str, Any], key: str) -> str | None:
    """Return a text that is not blank; None if it is null or missing. Raises a 400 `RefusalError`."""
    value = parameters.get(key)
    if value is None:
        return None
    if not isinstance(value, str):
        raise RefusalError(400, f"{key} must be a string")
    if not value.strip():
        raise RefusalError(400, f"{key} can't be blank")
    return value


def integer(key: str, value: Any) -> int:
    """Return an integer, which may be text. Raises a 400 `RefusalError` for anything else, including true and 1.0."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        return int(value)
    raise RefusalError(400, f"{key} must be an integer")


def boolean(key: str, value: Any) -> bool:
    """Return a boolean, which may be text. Raises a 400 `RefusalError` for anything else."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in _BOOLEANS:
        return _BOOLEANS[value.lower()]
    raise RefusalError(400, f"{key} must be true or false")


def _form(body: bytes) -> dict[str, str]:
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True))
    except ValueError as error:
        raise RefusalError(400, "The form in the request body is malformed") from error


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise RefusalError(400, "The JSON in the request body is malformed") from error
    if not isinstance(document, dict):
        raise RefusalError(400, "The request body must be a JSON object")
    return document
