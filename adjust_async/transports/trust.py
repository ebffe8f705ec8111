"""Which certificates are trusted: one TLS context for all connections of a transport."""

import asyncio
import ssl
from functools import partial

import httpx

from adjust_async._checks import shown
from adjust_async._concurrency import in_own_thread
from adjust_async.errors import ConfigurationError
from adjust_async.transports.failures import ConnectError

__all__ = ["Trust"]


class Trust:
    """The TLS context of a transport, created with its first connection.

    Args:
        verify: The caller's context. With `None`, the authorities that httpx trusts.
        trust_env: Whether to use `SSL_CERT_FILE` and `SSL_CERT_DIR` if `verify` is `None`.
    """

    def __init__(self, verify: object, *, trust_env: bool) -> None:
        if verify is not None and not isinstance(verify, ssl.SSLContext):
            raise ConfigurationError(
                f"verify is {shown(verify)}: pass an ssl.SSLContext, such as "
                "ssl.create_default_context(cafile='authority.pem'), or None to trust the usual authorities"
            )
        self._context = verify
        self._trust_env = trust_env
        self._making = asyncio.Lock()

    async def context(self) -> ssl.SSLContext:
        """Return the context.

        Raises:
            httpx.ConnectError: The certificate files can't be read.
        """
        if self._context is None:
            async with self._making:
                if self._context is None:
                    self._context = await self._make()
        return self._context

    async def _make(self) -> ssl.SSLContext:
        """Create it in a thread, since it takes 30 ms."""
        try:
            return await in_own_thread(partial(httpx.create_ssl_context, trust_env=self._trust_env))
        except OSError as error:
            raise ConnectError(f"the trusted certificates can't be read: {error}") from error
