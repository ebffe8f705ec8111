"""Names the extra if a package that the emulator needs is not installed."""

try:
    import httptools  # noqa: F401
    import starlette  # noqa: F401
    import uvicorn  # noqa: F401
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"adjust_async.emulator needs {error.name}: pip install 'adjust_async[emulator]'", name=error.name
    ) from None
