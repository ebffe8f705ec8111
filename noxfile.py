"""What is run on this project: `nox` for all that must pass, `nox -s NAME` for one of them."""

import sys
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.sessions = ["lint", "types", "tests"]
nox.options.reuse_existing_virtualenvs = True


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and format."""
    session.install("ruff~=0.17.6")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Check the types of the package, its tests and its benchmarks."""
    session.install("-e", ".[dev]")
    session.run("mypy")


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests; arguments go to pytest."""
    session.install("-e", ".[dev]")
    session.run("pytest", *session.posargs)


@nox.session
def peers(session: nox.Session) -> None:
    """Point the clients that others published at the emulator, and compare what they see."""
    session.install("-e", ".[dev]", "python-adjust==1.0.3", "adjusty==1.1", "requests>=2.32")
    # Other people's warnings are not ours to mend.
    session.run("pytest", "-W", "default", "tests/peers", *session.posargs, env=_airbyte(session))


def _airbyte(session: nox.Session) -> dict[str, str]:
    """Install Airbyte's connector, which goes with no other package here, and say which Python has it."""
    if sys.version_info >= (3, 12):
        session.warn("airbyte-source-adjust wants Python below 3.12: its tests are skipped")
        return {}
    folder = Path(session.create_tmp()).absolute() / "airbyte"
    python = str(folder / "bin" / "python")
    if not folder.exists():
        session.run("python", "-m", "venv", str(folder))
        # Its own airbyte-cdk 1.0.0 can't be imported on Python 3.11; 1.8.0 runs the same manifest.
        session.run(python, "-m", "pip", "install", "--quiet", "airbyte-cdk==1.8.0", external=True)
        session.run(
            python, "-m", "pip", "install", "--quiet", "--no-deps", "airbyte-source-adjust==0.1.33", external=True
        )
    return {"AIRBYTE_PYTHON": python}


@nox.session
def demo(session: nox.Session) -> None:
    """Show the SDK at work on the built-in emulator."""
    session.install("-e", ".[cli]")
    session.run("adjust-async", "demo")


@nox.session
def bench(session: nox.Session) -> None:
    """Measure the SDK beside its alternatives, and render what was found; arguments go to `python -m benchmarks`."""
    session.install("-e", ".[bench]")
    session.run("python", "-m", "benchmarks", *session.posargs)
