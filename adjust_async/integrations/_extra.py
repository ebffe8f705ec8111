"""Names the extra where a framework is not installed."""

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["needs_extra"]


@contextmanager
def needs_extra(extra: str) -> Iterator[None]:
    """Let the imports of the block say how to install what they miss."""
    try:
        yield
    except ModuleNotFoundError as error:
        message = f"adjust_async.integrations.{extra} needs {error.name}: pip install 'adjust_async[{extra}]'"
        raise ModuleNotFoundError(message, name=error.name) from None
