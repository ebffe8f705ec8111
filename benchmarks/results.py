"""What runs found, kept in `results.json` with the machine and the versions that it was found with."""

import json
import os
import platform
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from benchmarks.measuring import Listing, Measurement, as_json, from_json

RESULTS = Path(__file__).parent / "results.json"

#: In the order in which they are run and shown.
BENCHMARKS = ("pages", "tree", "kpis", "reports", "provisioning", "coordination", "web_app", "small")


class Circumstances(NamedTuple):
    """When, how and where something was measured, and the versions of all packages that it is about."""

    date: str
    command: str
    machine: Mapping[str, str]
    versions: Mapping[str, str]


class Section(NamedTuple):
    """All that one benchmark found in one run."""

    circumstances: Circumstances
    found: Sequence[Measurement | Listing]


def circumstances(command: str) -> Circumstances:
    """Tell those of this moment."""
    return Circumstances(
        datetime.now(UTC).date().isoformat(),
        command,
        {"CPU": _cpu(), "cores": str(os.cpu_count()), "OS": _system()},
        {"Python": platform.python_version(), **_versions()},
    )


def _cpu() -> str:
    try:
        names = re.findall(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        names = []
    return f"{names[0] if names else platform.processor()} ({platform.machine()})"


def _system() -> str:
    try:
        name = platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return platform.platform()
    return f"{name}, {platform.system()} {platform.release().partition('-')[0]}"


def _versions() -> dict[str, str]:
    """Give the version of this package, and of all that it or its benchmarks require and that is installed."""
    required = {"httpcore", "orjson"}  # which httpx and cattrs require
    for requirement in metadata.requires("adjust_async") or []:
        if "extra ==" not in requirement or re.search("extra == .bench.", requirement):
            required.update(re.findall(r"^[\w.-]+", requirement))
    found = {}
    for name in ["adjust_async", *sorted(required - {"adjust_async"})]:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def load(path: Path = RESULTS) -> dict[str, Section]:
    """Read what was kept, by the names of the benchmarks."""
    if not path.exists():
        return {}
    return {
        name: Section(Circumstances(**section["circumstances"]), from_json(json.dumps(section["found"])))
        for name, section in json.loads(path.read_text(encoding="utf-8")).items()
    }


def save(sections: Mapping[str, Section], path: Path = RESULTS) -> None:
    """Keep what was found, in the order of the benchmarks and with a line for each table."""
    texts = [
        f'"{name}": {{"circumstances": {json.dumps(sections[name].circumstances._asdict(), ensure_ascii=False)},\n'
        f'"found": {as_json(sections[name].found)}}}'
        for name in sorted(sections, key=BENCHMARKS.index)
    ]
    path.write_text("{\n" + ",\n".join(texts) + "\n}\n", encoding="utf-8")
