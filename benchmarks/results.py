"""What runs found, kept in `results.json` with the machine, the commit and the versions that it was found with."""

import json
import os
import platform
import re
import subprocess
import tomllib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import adjust_async
from benchmarks.measuring import Listing, Measurement, as_json, from_json

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results.json"

#: The load up to which a machine counts as quiet.
QUIET = 0.5

#: In the order in which they are run and shown.
BENCHMARKS = ("pages", "tree", "kpis", "large", "reports", "provisioning", "coordination", "web_app", "small")


class Circumstances(NamedTuple):
    """When, how and where something was measured.

    Attributes:
        date: The day.
        commit: The commit of the project, `-dirty` behind it where the code was changed since.
        commands: Those that measured, in turn.
        load: How busy the machine was when the first of them began: the average of one minute.
        machine: What it is.
        versions: Of Python, and of all packages that the package and its benchmarks require.
    """

    date: str
    commit: str
    commands: Sequence[str]
    load: str
    machine: Mapping[str, str]
    versions: Mapping[str, str]

    @property
    def is_busy(self) -> bool:
        """Whether the machine had other work to do."""
        return self.load != "unknown" and float(self.load) > QUIET

    def same_as(self, other: "Circumstances") -> bool:
        """Return whether what was measured with both may stand side by side."""
        mine, theirs = ((one.commit, one.machine, one.versions) for one in (self, other))
        return mine == theirs and not self.commit.endswith(("-dirty", "unknown"))


class Section(NamedTuple):
    """All that one benchmark found, the seconds that it took, and how it failed if it did."""

    found: Sequence[Measurement | Listing]
    seconds: float
    failure: str | None = None


class Results(NamedTuple):
    """All that is known of one commit on one machine, by the names of the benchmarks."""

    circumstances: Circumstances
    sections: Mapping[str, Section]

    def plus(self, name: str, section: Section) -> "Results":
        """Return the results with those of one more benchmark, in place of what it found before."""
        sections = {**self.sections, name: section}
        return self._replace(sections={name: sections[name] for name in BENCHMARKS if name in sections})


def circumstances(command: str) -> Circumstances:
    """Return those of this moment."""
    return Circumstances(
        datetime.now(UTC).date().isoformat(),
        _commit(),
        [command],
        f"{os.getloadavg()[0]:.2f}" if hasattr(os, "getloadavg") else "unknown",
        {"CPU": _cpu(), "cores": str(os.cpu_count()), "memory": _memory(), "OS": _system()},
        _versions(),
    )


def _commit() -> str:
    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True
        ).stdout.strip()  # fmt: skip

    try:
        changed = git("status", "--porcelain", "--", "adjust_async", "benchmarks/*.py", "pyproject.toml")
        return git("rev-parse", "--short=12", "HEAD") + ("-dirty" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _cpu() -> str:
    try:
        names = re.findall(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        names = []
    return f"{names[0] if names else platform.processor()} ({platform.machine()})"


def _memory() -> str:
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return "unknown"
    return f"{size / 2**30:.0f} GiB"


def _system() -> str:
    try:
        name = platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return platform.platform()
    return f"{name}, {platform.system()} {platform.release().partition('-')[0]}"


def _versions() -> dict[str, str]:
    """Return the version of Python, of this package, and of all installed ones that it or its benchmarks require."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    required = {"httpcore", "orjson"}  # which httpx and cattrs require
    used = [extras[name] for name in ("bench", "aiohttp", "arrow", "emulator", "redis")]
    for requirement in chain(project["dependencies"], *used):
        required.update(re.findall(r"^[\w.-]+", requirement))
    found = {"Python": platform.python_version(), "adjust_async": adjust_async.__version__}
    for name in sorted(required - {"adjust_async"}):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def load(path: Path = RESULTS) -> Results | None:
    """Read what was kept, if anything was."""
    if not path.exists():
        return None
    kept = json.loads(path.read_text(encoding="utf-8"))
    sections = {
        name: Section(from_json(json.dumps(section["found"])), section["seconds"], section["failure"])
        for name, section in kept["sections"].items()
    }
    return Results(Circumstances(**kept["circumstances"]), sections)


def save(results: Results, path: Path = RESULTS) -> None:
    """Keep what was found, with a line for each table."""
    sections = [
        f'"{name}": {{"seconds": {section.seconds:.1f}, "failure": {json.dumps(section.failure, ensure_ascii=False)}, '
        f'"found": {as_json(section.found)}}}'
        for name, section in results.sections.items()
    ]
    joined = ",\n".join(sections)
    told = json.dumps(results.circumstances._asdict(), ensure_ascii=False)
    text = f'{{"circumstances": {told},\n"sections": {{\n{joined}\n}}}}\n'
    path.write_text(text, encoding="utf-8")
