"""The settings of a client as tests change them."""

import inspect
from typing import Any

from adjust_async import AsyncAdjust
from adjust_async._tokens import APIToken
from adjust_async.config import Config

#: The defaults of `AsyncAdjust`.
DEFAULTS: dict[str, Any] = {
    name: parameter.default
    for name, parameter in inspect.signature(AsyncAdjust).parameters.items()
    if name not in {"token", "http_client", "coordinator"}
}


def config_of(token: APIToken, **changed: Any) -> Config:
    """Return a configuration, with defaults for everything that a test does not set."""
    return Config.read(token=token, **DEFAULTS | changed)
