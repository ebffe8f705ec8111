"""Names the extra of a framework that is not installed."""

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["needs_extra"]


@contextmanager
def needs_extra(extra: str) -> Iterator[None]:
    """Add the command that installs the extra to the error of an import in the block."""
    try:
        yield
    except ModuleNotFoundError as error:
        message = f"adjust_async.integrations.{extra} needs {error.name}: pip install 'adjust_async[{extra}]'"
        raise ModuleNotFoundError(message, name=error.name) from None
