"""Requests that Adjust refuses."""

from collections.abc import Mapping


class RefusalError(Exception):
    """A request is refused with `status` and `message`; each API puts the message into its own envelope."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers or {}
