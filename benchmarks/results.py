"""Results of runs, saved in `results.json` with the machine, the commit and the versions."""

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
    """The time, the commands and the machine of measurements.

    Attributes:
        date: The day.
        commit: The commit of the project, followed by `-dirty` if the code differs from it.
        commands: The commands that measured, in order.
        load: The machine's load average over one minute when the first command began.
        machine: Its description.
        versions: Of Python, and of all packages that the package and its benchmarks need.
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
        """Return whether results of both can be compared."""
        mine, theirs = ((one.commit, one.machine, one.versions) for one in (self, other))
        return mine == theirs and not self.commit.endswith(("-dirty", "unknown"))


class Section(NamedTuple):
    """The results of one benchmark, its duration in seconds, and its failure, if any."""

    found: Sequence[Measurement | Listing]
    seconds: float
    failure: str | None = None


class Results(NamedTuple):
    """All results of one commit on one machine, by the names of the benchmarks."""

    circumstances: Circumstances
    sections: Mapping[str, Section]

    def plus(self, name: str, section: Section) -> "Results":
        """Return the results with those of one benchmark, which replace its earlier ones."""
        sections = {**self.sections, name: section}
        return self._replace(sections={name: sections[name] for name in BENCHMARKS if name in sections})


def circumstances(command: str) -> Circumstances:
    """Return the current circumstances."""
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
    """Return the versions of Python, this package, and all installed packages that it or its benchmarks need."""
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
    """Read saved results, if there are any."""
    if not path.exists():
        return None
    kept = json.loads(path.read_text(encoding="utf-8"))
    sections = {
        name: Section(from_json(json.dumps(section["found"])), section["seconds"], section["failure"])
        for name, section in kept["sections"].items()
    }
    return Results(Circumstances(**kept["circumstances"]), sections)


def save(results: Results, path: Path = RESULTS) -> None:
    """Save results, with a line for each table."""
    sections = [
        f'"{name}": {{"seconds": {section.seconds:.1f}, "failure": {json.dumps(section.failure, ensure_ascii=False)}, '
        f'"found": {as_json(section.found)}}}'
        for name, section in results.sections.items()
    ]
    joined = ",\n".join(sections)
    told = json.dumps(results.circumstances._asdict(), ensure_ascii=False)
    text = f'{{"circumstances": {told},\n"sections": {{\n{joined}\n}}}}\n'
    path.write_text(text, encoding="utf-8")
