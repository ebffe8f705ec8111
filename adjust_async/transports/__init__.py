"""Transports for any httpx client.

`PooledTransport` is the default of `AsyncAdjust`; `AiohttpTransport` needs the extra `aiohttp`:

    AsyncAdjust(http_client=httpx.AsyncClient(transport=AiohttpTransport()))
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from adjust_async.transports.failures import never_sent, proxy_status

if TYPE_CHECKING:
    from adjust_async.transports.aiohttp import AiohttpTransport
    from adjust_async.transports.pooled import PooledTransport

__all__ = ["AiohttpTransport", "PooledTransport", "never_sent", "proxy_status"]

_MODULE_OF = {"AiohttpTransport": "aiohttp", "PooledTransport": "pooled"}


def __getattr__(name: str) -> Any:
    """Import a transport on first use, since one of them needs an extra."""
    if name in _MODULE_OF:
        value = globals()[name] = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
