"""Runs a server in its own process, so that its CPU time does not count."""

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def run_server(serve: Callable[..., None], *arguments: Any) -> Iterator[Any]:
    """Run `serve(ready, *arguments)` in another process, and yield what it sends over `ready` once it listens.

    Raises:
        SystemExit: It ended before it sent anything.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs, *arguments), daemon=True)
    process.start()
    theirs.close()
    try:
        try:
            answer = ours.recv()
        except EOFError:
            raise SystemExit(f"{serve.__module__}.{serve.__qualname__} failed") from None
        yield answer
    finally:
        process.terminate()
        process.join()
        ours.close()
