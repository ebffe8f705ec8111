"""Run in an environment that has one extra: `python -P tests/each_extra.py NAME`, and without a name in a bare one.

What belongs to an installed extra must work; what belongs to one that is not must fail with the command that installs
it. Needs only the package, so that no other package hides what an extra lacks.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module, metadata
from importlib.util import find_spec
from typing import NamedTuple

import adjust_async
from adjust_async import KpiReport
from adjust_async.progress import bar
from adjust_async.transports import PooledTransport

DOCUMENT = json.dumps(
    {
        "result_parameters": {"kpis": ["installs"]},
        "result_set": {
            "token": "yxs12pfewq",
            "name": "Puzzle Harbor",
            "currency": "EUR",
            "dates": [{"date": "2026-11-01", "kpi_values": [7]}],
        },
    }
)


class Use(NamedTuple):
    """What an extra is for: it works where all these packages are installed, and names the extra elsewhere."""

    packages: tuple[str, ...]
    work: Callable[[], object]
    named: tuple[str, ...]


def _report() -> KpiReport:
    return KpiReport.from_json(DOCUMENT)


def _lists_with_emulator() -> None:
    from adjust_async.emulator import Emulator

    async def count() -> int:
        async with (
            Emulator(apps=1) as emulator,
            adjust_async.AsyncAdjust(emulator.token, api_url=emulator.url) as adjust,
        ):
            return len(await adjust.trackers.list(emulator.app_tokens[0]).collect())

    assert asyncio.run(count())


def _command_line() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "adjust_async", "--version"], capture_output=True, text=True, check=False
    )
    if shown.returncode:
        raise RuntimeError(shown.stderr)
    assert adjust_async.__version__ in shown.stdout


def _chart() -> None:
    # The command line draws it; the extra brings what draws.
    import_module("matplotlib.figure")


def _spans() -> None:
    import_module("opentelemetry.trace")
    adjust_async.AsyncAdjust("token")


USES = {
    "aiohttp": Use(("aiohttp",), lambda: import_module("adjust_async.transports.aiohttp"), ("aiohttp",)),
    "arrow": Use(("pyarrow",), lambda: _report().to_arrow(), ("arrow",)),
    "pandas": Use(("pandas", "pyarrow"), lambda: _report().to_pandas(), ("pandas", "arrow")),
    "polars": Use(("polars",), lambda: _report().to_polars(), ("polars",)),
    "redis": Use(
        ("redis",),
        lambda: import_module("adjust_async.coordination").RedisCoordinator("redis://127.0.0.1"),
        ("redis",),
    ),
    "dlt": Use(("dlt", "pyarrow"), lambda: import_module("adjust_async.integrations.dlt"), ("dlt",)),
    "dask": Use(("dask", "pandas", "pyarrow"), lambda: import_module("adjust_async.integrations.dask"), ("dask",)),
    "http2": Use(("h2",), lambda: PooledTransport(http2=True), ("http2",)),
    "emulator": Use(("httptools", "starlette", "uvicorn"), _lists_with_emulator, ("emulator",)),
    "cli": Use(("rich", "typer", "uvicorn", "httptools", "starlette"), _command_line, ("cli",)),
    "fastapi": Use(("fastapi",), lambda: import_module("adjust_async.integrations.fastapi"), ("fastapi",)),
    "otel": Use(("opentelemetry",), _spans, ()),
    "progress": Use(("rich",), lambda: bar("Trackers"), ("progress",)),
    "plot": Use(("matplotlib",), _chart, ()),
}


def main(extra: str = "") -> None:
    """Try every use, and print what is installed and what a bare import takes."""
    for name, use in USES.items():
        there = all(find_spec(package) for package in use.packages)
        if name == extra and not there:
            raise SystemExit(f"the extra {extra} does not bring all of {', '.join(use.packages)}")
        if there:
            use.work()
        elif use.named:
            _must_name_the_extra(name, use)
    installed = sorted(distribution.metadata["Name"] for distribution in metadata.distributions())
    sys.stdout.write(f"{extra or 'bare'}: {len(installed)} packages: {', '.join(installed)}\n")
    sys.stdout.write(f"import adjust_async: {_bare_import()}")


def _must_name_the_extra(name: str, use: Use) -> None:
    try:
        use.work()
    except (adjust_async.ConfigurationError, ModuleNotFoundError, RuntimeError) as error:
        if not any(f"pip install 'adjust_async[{named}]'" in str(error) for named in use.named):
            raise SystemExit(f"without the extra {name} the error does not name it: {error!r}") from error
    else:
        raise SystemExit(f"without the extra {name} nothing is refused")


def _bare_import() -> str:
    code = (
        "import sys, time; before = set(sys.modules); began = time.process_time(); import adjust_async; "
        "took = time.process_time() - began; new = set(sys.modules) - before; "
        "tops = sorted({name.partition('.')[0] for name in new} - set(sys.stdlib_module_names)); "
        "print(f'{took * 1000:.0f} ms of CPU, {len(new)} modules, of other packages', ', '.join(tops))"
    )
    # Twice: the first one may have to compile.
    return [subprocess.check_output([sys.executable, "-W", "error", "-c", code], text=True) for _ in range(2)][1]


if __name__ == "__main__":
    main(*sys.argv[1:])
