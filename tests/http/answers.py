"""Answers as plain bytes for tests, and the errors that they lead to."""

from collections.abc import Callable, Mapping

import httpx
import pytest

from adjust_async._http.error_answers import raise_for_status
from adjust_async._http.messages import Answer
from adjust_async.errors import APIStatusError, DecodeError

__all__ = ["answer", "decode_error_of", "error_of"]


def answer(status: int, body: bytes | str = b"", headers: Mapping[str, str] | None = None) -> Answer:
    """Make an answer to some GET."""
    content = body.encode() if isinstance(body, str) else body
    return Answer(method="GET", path="/p", status=status, headers=httpx.Headers(headers), body=content)


def error_of(status: int, body: bytes | str = b"", headers: Mapping[str, str] | None = None) -> APIStatusError:
    """Return the error for an answer."""
    with pytest.raises(APIStatusError) as caught:
        raise_for_status(answer(status, body, headers))
    return caught.value


def decode_error_of(body: bytes | str, read: Callable[[Answer], object], **headers: str) -> DecodeError:
    """Return the error from reading a successful answer."""
    with pytest.raises(DecodeError) as caught:
        read(answer(200, body, headers))
    return caught.value
