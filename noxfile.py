"""What is run on this project: `nox` for all that must pass, `nox -s NAME` for one of them."""

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
    session.install("-e", ".[dev]", "aiohttp>=3.12")
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
    session.run("pytest", "-W", "default", "tests/peers", *session.posargs)


@nox.session
def demo(session: nox.Session) -> None:
    """Show the SDK at work on the built-in emulator."""
    session.install("-e", ".[cli]")
    session.run("adjust-async", "demo")


@nox.session
def bench(session: nox.Session) -> None:
    """Measure the SDK beside its alternatives; arguments go to the benchmark."""
    session.install("-e", ".[bench]")
    session.run("python", "-m", "benchmarks.pages", *session.posargs)
    session.run("python", "-m", "benchmarks.kpis", *session.posargs)
