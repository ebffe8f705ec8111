"""Authentication with the API token, in any form that Adjust has documented."""

import re
from hmac import compare_digest

from starlette.requests import Request

from adjust_async.emulator.http.refusals import RefusalError

_HEADER = re.compile(r'\s*(?:token\s+token=|bearer\s+)(?P<quote>"?)(?P<token>[^"\s]+)(?P=quote)\s*', re.IGNORECASE)


class Authenticator:
    """Accepts one API token: `Token token=X`, also quoted, `Bearer X`, or `user_token=X` in the query."""

    def __init__(self, token: str) -> None:
        self.token = token

    def check(self, request: Request) -> None:
        """Raise a 401 `RefusalError` unless the request carries the token."""
        offered = _offered(request)
        if offered is None or not compare_digest(offered.encode(), self.token.encode()):
            raise RefusalError(401, "User not authenticated")


def _offered(request: Request) -> str | None:
    header = request.headers.get("authorization")
    if header is None:
        return request.query_params.get("user_token")
    match = _HEADER.fullmatch(header)
    return match["token"] if match else None
