"""The command line, `adjust-async`."""

import sys

#: Packages of the extra `cli` that every command needs.
_EXTRA = frozenset({"rich", "typer"})


def main() -> None:
    """Run the command line. If its extra is not installed, say how to install it and exit with status 2."""
    try:
        from adjust_async.cli.commands import app
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in _EXTRA:
            raise
        sys.stderr.write(f"adjust-async needs {error.name}: pip install 'adjust_async[cli]'\n")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    app()
