"""What is run on this project: `nox` for all that must pass, `nox -s NAME` for one of them."""

import os
import shutil
import sys
from pathlib import Path

import nox

nox.needs_version = ">=2025.10.14"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_existing_virtualenvs = True
# A Python that is not installed is skipped, and the summary at the end says so.
nox.options.error_on_missing_interpreters = False
nox.options.download_python = "never"

PROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = nox.project.python_versions(PROJECT)
OLDEST = PYTHONS[0]

# The other Pythons, and coverage, which doubles the time, have sessions that are asked for: `nox -s tests coverage`.
nox.options.sessions = ["lint", "types", f"tests-{OLDEST}", "docs", "wheel"]


def _show_all_of_pyenv() -> None:
    """Let pyenv's shims answer for each of its Pythons, not just for the selected one."""
    if "PYENV_VERSION" in os.environ or not shutil.which("pyenv"):
        return
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    found = [folder.name for folder in (root / "versions").glob("3.*") if folder.name.rpartition(".")[0] in PYTHONS]
    if found:
        os.environ["PYENV_VERSION"] = ":".join(sorted(found))


_show_all_of_pyenv()


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, format, and which module may import which."""
    session.install("-e", ".", "ruff~=0.17.6", "import-linter>=2.5")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports", "--no-cache")


@nox.session
def types(session: nox.Session) -> None:
    """Check the types of all code with mypy, and what users see of them with pyright."""
    session.install("-e", ".[dev]")
    session.run("mypy")
    session.run("pyright", "--pythonpath", str(Path(session.bin) / "python"))


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the tests, those marked `slow` on the oldest Python alone; arguments go to pytest in place of these."""
    session.install("-e", ".[dev]")
    default = [] if session.python == OLDEST else ["-m", "not slow"]
    # Tests that kill processes and count what runs side by side may fail where the machine stands still for a while.
    once_more = ["--reruns", "1"]
    session.run("pytest", "-n", "auto", "--dist", "worksteal", *once_more, *(session.posargs or default))


@nox.session(python=OLDEST)
def coverage(session: nox.Session) -> None:
    """Run all tests and measure which branches of the package they reach; below 97 % is a failure."""
    session.install("-e", ".[dev]")
    session.run("pytest", "-n", "auto", "--dist", "worksteal", "--cov", "--cov-report=term", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation into `build/site`; a warning, such as a link that leads nowhere, is an error."""
    session.install("-e", ".[docs]")
    arguments = session.posargs or ["build", "--strict", "--clean", "--quiet"]
    session.run("mkdocs", *arguments, env={"NO_MKDOCS_2_WARNING": "1"})


@nox.session(default=False)
def build(session: nox.Session) -> None:
    """Build the sdist, and of that the wheel, into `dist`."""
    shutil.rmtree("dist", ignore_errors=True)
    session.install("build", "hatchling")
    session.run("python", "-m", "build", "--no-isolation", silent=True)


@nox.session(requires=["build"], reuse_venv=False)
def wheel(session: nox.Session) -> None:
    """Try the wheel in a new environment: bare, with the command line, and with the tests that the sdist carries."""
    [built] = Path("dist").absolute().glob("*.whl")
    [source] = Path("dist").absolute().glob("*.tar.gz")
    folder = Path(session.create_tmp()).absolute()
    session.install(str(built))
    with session.chdir(folder):  # where the project's folder can't stand in for the package
        session.run("python", "-W", "error", "-c", "import adjust_async; print(adjust_async.__version__)")
        session.install(f"adjust_async[cli] @ {built.as_uri()}")
        session.run("adjust-async", "demo", silent=True)
    session.install(f"adjust_async[dev] @ {built.as_uri()}")
    unpacked = folder / source.name.removesuffix(".tar.gz")
    shutil.rmtree(unpacked, ignore_errors=True)
    shutil.unpack_archive(source, folder, filter="data")
    shutil.rmtree(unpacked / "adjust_async")
    with session.chdir(unpacked):
        session.run("pytest", "-n", "auto", "-m", "not slow", "tests/cli", "tests/docs")


@nox.session
def examples(session: nox.Session) -> None:
    """Run the examples and the code of the documentation; arguments go to pytest."""
    session.install("-e", ".[dev]")
    session.run("pytest", "tests/docs", *session.posargs)


@nox.session
def integrations(session: nox.Session) -> None:
    """Load into DuckDB and PostgreSQL by dlt, and into data frames by Dask; arguments go to pytest."""
    session.install("-e", ".[dev,dlt,dask]", "dlt[postgres]>=1.31")
    wanted = ("tests/integrations", "tests/cli/test_sync.py", "tests/docs/test_pages.py")
    selected = ("-k", "test_dlt or test_dask or test_sync or warehouse or cluster")
    session.run("pytest", *(session.posargs or (*wanted, *selected)))


@nox.session
def peers(session: nox.Session) -> None:
    """Point the clients that others published at the emulator, and compare what they see."""
    session.install("-e", ".[dev]", "python-adjust==1.0.3", "adjusty==1.1", "requests>=2.32")
    # Other people's warnings are not ours to mend.
    session.run("pytest", "-W", "default", "tests/peers", *session.posargs, env=_airbyte(session))


def _airbyte(session: nox.Session) -> dict[str, str]:
    """Install Airbyte's connector, which shares no environment with this package, and return where its Python is."""
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
def picture(session: nox.Session) -> None:
    """Record the demo for the README."""
    session.install("-e", ".[cli]")
    session.run("python", "docs/record_demo.py")


@nox.session
def bench(session: nox.Session) -> None:
    """Measure the SDK beside its alternatives, and render what was found; arguments go to `python -m benchmarks`."""
    session.install("-e", ".[bench]")
    session.run("python", "-m", "benchmarks", *session.posargs)
