"""Running a server in a process of its own, so that it takes no CPU from what is measured."""

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def beside(serve: Callable[..., None], *arguments: Any) -> Iterator[Any]:
    """Run `serve(ready, *arguments)` in another process, and give what it sends over `ready` once it listens."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs, *arguments), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        process.terminate()
        process.join()
