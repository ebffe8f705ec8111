"""What is run on this project: `nox` for all that must pass, `nox -s NAME` for one of them."""

import json
import os
import re
import shutil
import sys
import tarfile
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
#: Measures the coverage. Python 3.11 misses lines that follow a call of `asyncio.run`.
MEASURED = "3.12"
#: Coverage makes tests 2.4 times slower. Slow tests and many examples reach hardly a line more, and run without it.
QUICK = ("-m", "not slow", "--hypothesis-profile", "quick")
#: Tests that kill processes and count what runs side by side may fail where the machine stands still for a while.
ONCE_MORE = ("--reruns", "1")
#: Slow tests wait for half of their time, so each core can run two workers.
WORKERS = ("-n", str(2 * (os.cpu_count() or 1)))
#: The others wait less, and each worker takes ten seconds to find the tests.
FEWER_WORKERS = ("-n", str(1 + (os.cpu_count() or 1)))
#: The tests that the session `wheel` runs on the oldest Python.
IN_WHEEL = ("tests/cli", "tests/docs")
ELSEWHERE = tuple(f"--ignore={folder}" for folder in IN_WHEEL)
#: Those of users, and none: each is tried alone.
EXTRAS = ["", *(name for name in PROJECT["project"]["optional-dependencies"] if name not in {"bench", "dev", "docs"})]

nox.options.sessions = ["lint", "types", "tests", "docs", f"wheel-{OLDEST}"]

# Tests start processes by the hundred: what one of them compiled, the others read.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def _show_all_of_pyenv() -> None:
    """Let pyenv's shims answer for each of its Pythons, not just for the selected one."""
    if "PYENV_VERSION" in os.environ or not shutil.which("pyenv"):
        return
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    found = [folder.name for folder in (root / "versions").glob("3.*") if folder.name.rpartition(".")[0] in PYTHONS]
    if found:
        os.environ["PYENV_VERSION"] = ":".join(sorted(found))


_show_all_of_pyenv()

#: The newest Python that is installed also runs the slow tests.
INSTALLED = [python for python in PYTHONS if shutil.which(f"python{python}")]
NEWEST = INSTALLED[-1] if INSTALLED else MEASURED


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
    """Run the tests: with coverage on 3.12, the slow ones on the newest Python, and one case of each on all of them.

    Coverage below 97 % of the package, branches included, fails. Every case of every test runs on one Python at least,
    and all examples of hypothesis on the newest. Arguments go to pytest instead of these selections.
    """
    session.install("-e", ".[dev]")
    pytest = ("pytest", "--dist", "worksteal", *ONCE_MORE)
    if session.posargs:
        session.run(*pytest, *WORKERS, *session.posargs)
        return
    if session.python == MEASURED:
        session.run(*pytest, *FEWER_WORKERS, *QUICK, "--cov", "--cov-report=term")
    if session.python == NEWEST:
        part = ("--cases", "1") if MEASURED in INSTALLED else ()
        session.run(*pytest, *WORKERS, *part, "--durations=10")
    if session.python not in {MEASURED, NEWEST}:
        session.run(*pytest, *FEWER_WORKERS, *QUICK, "--cases", "1", *(ELSEWHERE if session.python == OLDEST else ()))


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation into `build/site`; a warning, such as a link that leads nowhere, is an error."""
    session.install("-e", ".[docs]")
    arguments = session.posargs or ["build", "--strict", "--clean", "--quiet"]
    session.run("mkdocs", *arguments, env={"NO_MKDOCS_2_WARNING": "1"})


@nox.session(default=False)
def build(session: nox.Session) -> None:
    """Build the sdist, and of that the wheel, into `dist`, and check what a package index shows of them."""
    shutil.rmtree("dist", ignore_errors=True)
    session.install("build", "twine", *PROJECT["build-system"]["requires"])
    session.run("python", "-m", "build", "--no-isolation", silent=True)
    session.run("twine", "check", "--strict", *map(str, _built()))


def _built() -> tuple[Path, Path]:
    """Return the sdist and the wheel in `dist`."""
    [source], [wheel] = (list(Path("dist").absolute().glob(pattern)) for pattern in ("*.tar.gz", "*.whl"))
    return source, wheel


@nox.session(python=PYTHONS, requires=["build"], reuse_venv=False)
def wheel(session: nox.Session) -> None:
    """Try sdist and wheel in a new environment: bare, the command line, and the tests that the sdist carries."""
    source, built = _built()
    folder = Path(session.create_tmp()).absolute()
    with session.chdir(folder):  # where the project's folder can't stand in for the package
        for package in (source, built):
            session.install("--force-reinstall", str(package))
            session.run("python", "-W", "error", "-c", "import adjust_async; print(adjust_async.__version__)")
        session.install(f"adjust_async[cli] @ {built.as_uri()}")
        session.run("adjust-async", "demo", silent=True)
    session.install(f"adjust_async[dev] @ {built.as_uri()}")
    unpacked = folder / source.name.removesuffix(".tar.gz")
    shutil.rmtree(unpacked, ignore_errors=True)
    shutil.unpack_archive(source, folder, filter="data")
    shutil.rmtree(unpacked / "adjust_async")
    with session.chdir(unpacked):
        wanted = session.posargs or IN_WHEEL
        session.run("pytest", *WORKERS, *ONCE_MORE, "-m", "not slow", "--cases", "1", *wanted)


@nox.session(python=PYTHONS, requires=["build"], reuse_venv=False, default=False)
@nox.parametrize("extra", EXTRAS, ids=[extra or "bare" for extra in EXTRAS])
def extras(session: nox.Session, extra: str) -> None:
    """Install the wheel with one extra alone, and try what that is for; what is missing must name its extra."""
    _, built = _built()
    script = Path("tests/each_extra.py").absolute()
    session.install(f"adjust_async{f'[{extra}]' if extra else ''} @ {built.as_uri()}")
    with session.chdir(session.create_tmp()):
        session.run("python", "-P", str(script), *filter(None, [extra]))


@nox.session(default=False, venv_backend="none")
def release(session: nox.Session) -> None:
    """Check, build and try a release on every Python there is, then tag it; `-- --dry-run` makes no tag."""
    if unknown := set(session.posargs).difference({"--dry-run"}):
        session.error(f"{min(unknown)!r} is not an argument of this session: the only one is `--dry-run`")
    version, commit = _releasable(session)
    report = Path(session.create_tmp()) / "report.json"
    tries = ("--stop-on-first-error", "--report", str(report), "-s", "build", "wheel", "extras")
    session.run(sys.executable, "-m", "nox", *tries, external=True)
    _check_source(session)
    if _git(session, "rev-parse", "HEAD") != commit or _git(session, "status", "--porcelain"):
        session.error("the tree changed meanwhile: what was tried is not what would be tagged")
    results = {
        one["signatures"][0]: one["result"] for one in json.loads(report.read_text(encoding="utf-8"))["sessions"]
    }
    tried = [python for python in PYTHONS if results[f"wheel-{python}"] == "success"]
    if OLDEST not in tried:
        session.error(
            f"Python {OLDEST}, the oldest that is supported, is not installed: nothing is released without it"
        )
    missing = ", ".join(python for python in PYTHONS if python not in tried) or "none"
    session.log(f"tried on Python {', '.join(tried)}; not installed here: {missing}")
    if "--dry-run" in session.posargs:
        session.log(f"v{version} could be tagged")
        return
    _git(session, "tag", "--annotate", f"v{version}", commit, "--message", f"adjust_async {version}")
    session.log(f"tagged v{version}: `git push origin v{version}` and `twine upload dist/*` publish it")


def _git(session: nox.Session, *arguments: str) -> str:
    return str(session.run("git", *arguments, external=True, silent=True, log=False)).strip()


def _releasable(session: nox.Session) -> tuple[str, str]:
    """Return the version and the commit to release, or end the session with the reason why it can't be released."""
    text = Path("adjust_async/_version.py").read_text(encoding="utf-8")
    version = re.findall(r'^__version__ = "(.+)"$', text, re.MULTILINE)[0]
    headings = re.findall(r"^## .*$", Path("CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    heading = headings[0] if headings else "no heading"
    if not re.fullmatch(rf"## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d", heading):
        session.error(f"CHANGELOG.md begins with {heading!r}: {version} needs '## [{version}] - YYYY-MM-DD'")
    if changed := _git(session, "status", "--porcelain"):
        session.error(f"commit or stash what is not committed:\n{changed}")
    if _git(session, "tag", "--list", f"v{version}"):
        session.error(f"v{version} is tagged already: raise the version in adjust_async/_version.py")
    _git(session, "var", "GIT_COMMITTER_IDENT")  # which fails where a tag could not be signed by name
    return version, _git(session, "rev-parse", "HEAD")


def _check_source(session: nox.Session) -> None:
    """Compare the sdist with what git knows: nothing may slip into it, and nothing may be missing."""
    source, _ = _built()
    with tarfile.open(source) as archive:
        packed = {member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()}
    known = set(_git(session, "ls-files").splitlines())
    if packed - {"PKG-INFO"} != known:
        session.error(f"the sdist differs from the commit: {sorted((packed - {'PKG-INFO'}) ^ known)}")


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
    # Warnings of other packages can't be fixed here.
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
    """Measure the SDK and its alternatives, and write the README; arguments go to `python -m benchmarks`."""
    session.install("-e", ".[bench]")
    session.run("python", "-m", "benchmarks", *session.posargs)
