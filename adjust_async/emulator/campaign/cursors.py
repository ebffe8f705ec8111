"""Opaque cursors: a sealed position in one collection, so that clients can't forge one or use it elsewhere."""

import base64
import binascii
import hashlib
from hmac import compare_digest

from adjust_async.emulator.http.refusals import RefusalError

_VARIANT_BYTES = 1
_POSITION_BYTES = 8
_SEAL_BYTES = 9


class Cursors:
    """Seals and opens cursors with `key`. Cursors for one position differ only in their variant."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def seal(self, collection: str, position: int, variant: int = 0) -> str:
        """Return a cursor for the position: 24 characters that need no escaping in a URL."""
        payload = variant.to_bytes(_VARIANT_BYTES, "big") + position.to_bytes(_POSITION_BYTES, "big")
        return base64.urlsafe_b64encode(payload + self._seal(collection, payload)).decode()

    def open(self, collection: str, cursor: str) -> tuple[int, int]:
        """Return position and variant. Raises a 400 `RefusalError` for a forged cursor or one of another collection."""
        try:
            sealed = base64.b64decode(cursor.encode("ascii"), altchars=b"-_", validate=True)
        except (binascii.Error, UnicodeEncodeError):
            sealed = b""
        payload, seal = sealed[:-_SEAL_BYTES], sealed[-_SEAL_BYTES:]
        if len(payload) != _VARIANT_BYTES + _POSITION_BYTES or not compare_digest(
            seal, self._seal(collection, payload)
        ):
            raise RefusalError(400, "The cursor is invalid for this collection")
        return int.from_bytes(payload[_VARIANT_BYTES:], "big"), int.from_bytes(payload[:_VARIANT_BYTES], "big")

    def _seal(self, collection: str, payload: bytes) -> bytes:
        content = payload + collection.encode()
        return hashlib.blake2b(content, key=self._key, digest_size=_SEAL_BYTES).digest()
