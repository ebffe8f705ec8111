"""Requests that Adjust refuses."""

from collections.abc import Mapping, Sequence
from typing import Any


class RefusalError(Exception):
    """A request is refused with `status` and `message`, which each API puts into its own envelope.

    Only the Report Service has an `error_code`, by default that of the status, and `details`, which list everything
    that is wrong.
    """

    def __init__(
        self,
        status: int,
        message: str,
        headers: Mapping[str, str] | None = None,
        *,
        error_code: str | None = None,
        details: Sequence[Any] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers or {}
        self.error_code = error_code
        self.details = details
