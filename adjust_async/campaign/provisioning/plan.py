"""Plans: the trackers that should exist, as paths and settings."""

import asyncio
from collections.abc import AsyncIterable, Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import product
from typing import Any, NamedTuple, Self

import attrs

from adjust_async._checks import check_bool, check_whole_number, shown
from adjust_async._pydantic import Record
from adjust_async.campaign.names import SEPARATOR
from adjust_async.campaign.paths import LEVELS, problem_of_part, split_path
from adjust_async.campaign.siblings import PORTION
from adjust_async.errors import ConfigurationError, PlanError
from adjust_async.tables import RecordColumns, Table

__all__ = [
    "Entry",
    "Plan",
    "PlanReader",
    "TrackerPlan",
    "TrackerSpec",
    "plan_error",
    "read_plan",
]

#: The number of mistakes in the message of an error; its `problems` has all of them.
TOLD = 20


@attrs.define(on_setattr=attrs.setters.frozen, unsafe_hash=True, repr=False)
class TrackerSpec(Record):
    """A tracker that should exist, and its settings.

    Attributes:
        path: Its full name, such as `AppLovin::DE::Spring`: network, campaign, adgroup, creative. Missing trackers
            above it are created too.
        partner_id: The id of the partner to link it to; `None` leaves it unchanged.
        partner: The partner's display name, as an alternative to `partner_id`.
        cost_data_enabled: Whether cost data is collected; `None` leaves it unchanged.
    """

    path: str
    partner_id: int | None = attrs.field(default=None, kw_only=True)
    partner: str | None = attrs.field(default=None, kw_only=True)
    cost_data_enabled: bool | None = attrs.field(default=None, kw_only=True)

    def __repr__(self) -> str:
        settings = {name: value for name, value in attrs.asdict(self).items() if value is not None and name != "path"}
        return (
            f"TrackerSpec({', '.join([repr(self.path), *(f'{name}={value!r}' for name, value in settings.items())])})"
        )

    @classmethod
    def product(
        cls,
        networks: Iterable[str],
        campaigns: Iterable[str] | None = None,
        adgroups: Iterable[str] | None = None,
        creatives: Iterable[str] | None = None,
        *,
        partner_id: int | None = None,
        partner: str | None = None,
        cost_data_enabled: bool | None = None,
    ) -> Iterator[Self]:
        """Return a spec for every combination of networks, campaigns, adgroups and creatives.

        Args:
            networks, campaigns, adgroups, creatives: The names of each level; leave out those below the deepest one.
            partner_id, partner, cost_data_enabled: The settings of each spec, which apply to the deepest trackers.

        Returns:
            An iterator over the specs; the last level changes fastest.

        Raises:
            ConfigurationError: `networks` or another level above a passed one is left out, or a name is invalid.
        """
        given = (networks, campaigns, adgroups, creatives)
        depth = next((place for place, names in enumerate(given) if names is None), len(given))
        if not depth:
            raise ConfigurationError("networks is None: pass a list, such as ['AppLovin']")
        if any(names is not None for names in given[depth:]):
            raise ConfigurationError(f"{LEVELS[depth]}s is left out, and a level below it is passed: pass it too")
        levels = []
        for level, names in zip(LEVELS, given, strict=True):
            if names is None:
                continue
            if isinstance(names, (str, bytes)):
                raise ConfigurationError(f"{level}s is the text {shown(names)}: pass a list, such as [{shown(names)}]")
            of_level = list(names)
            for name in of_level:
                if problem := problem_of_part(name, level):
                    raise ConfigurationError(problem)
            levels.append(of_level)
        settings: dict[str, Any] = {
            "partner_id": partner_id,
            "partner": partner,
            "cost_data_enabled": cost_data_enabled,
        }
        return (cls(SEPARATOR.join(parts), **settings) for parts in product(*levels))


class Plan(list[TrackerSpec]):
    """The entries of a plan: a list with `to_table()`. `load_plan` and `retry_plan` return it.

    Build one from any entries, such as `Plan(TrackerSpec.product(...))`. `load_plan` can read the file that
    `to_table().to_csv(path)` writes.
    """

    def to_table(self) -> Table:
        """Return the entries as a table: `path`, `partner_id`, `partner`, `cost_data_enabled`. Needs no client.

        Raises:
            PlanError: Entries are wrong.
        """
        reader = PlanReader()
        for number, item in enumerate(self, 1):
            reader.take(number, item)
        columns = RecordColumns(TrackerSpec)
        columns.extend([entry.spec for entry in reader.finish()])
        return columns.table()


#: The types that `provision` accepts.
TrackerPlan = Iterable[str | TrackerSpec] | AsyncIterable[str | TrackerSpec]


class Entry(NamedTuple):
    """A checked entry of a plan. `find_partners` sets `partner_id` if the entry names its partner."""

    spec: TrackerSpec
    parts: tuple[str, ...]
    partner_id: int | None
    note: str | None = None


def _problem_of_settings(spec: TrackerSpec) -> str | None:
    try:
        if spec.partner_id is not None:
            check_whole_number(spec.partner_id, "partner_id")
        if spec.cost_data_enabled is not None:
            check_bool(spec.cost_data_enabled, "cost_data_enabled")
    except ConfigurationError as error:
        return error.message
    partner: object = spec.partner
    if partner is not None and (not isinstance(partner, str) or not partner.strip()):
        return f"partner is {shown(partner)}: pass the partner's display name, as text"
    if partner is not None and spec.partner_id is not None:
        return f"partner {shown(partner)} and partner_id {spec.partner_id} are both set: use one of them"
    return None


class PlanReader:
    """Checks the entries of a plan one by one, and collects the mistakes.

    Args:
        source: The word before the numbers in messages: `entry` or `line`.
    """

    def __init__(self, source: str = "entry") -> None:
        self.entries: list[Entry] = []
        self._source = source
        self._problems: list[tuple[int, str]] = []
        self._first: dict[tuple[str, ...], tuple[int, TrackerSpec]] = {}

    def take(self, number: int, item: object) -> None:
        """Check one entry, and keep it."""
        spec = item
        if isinstance(item, str):
            spec = TrackerSpec(str.__str__(item))
        if not isinstance(spec, TrackerSpec):
            self.refuse(number, f"{shown(item)} is not an entry: pass a path as text, or a TrackerSpec")
            return
        parts, of_path = split_path(spec.path)
        if problem := of_path or _problem_of_settings(spec):
            self.refuse(number, problem)
            return
        first, other = self._first.setdefault(parts, (number, spec))
        if other != spec:
            self.refuse(number, f"{shown(spec.path)} has other settings in {self._source} {first}: use one entry")
            return
        self.entries.append(Entry(spec, parts, spec.partner_id))

    def refuse(self, number: int, problem: str) -> None:
        """Record a mistake of an entry."""
        self._problems.append((number, problem))

    def finish(self) -> list[Entry]:
        """Return the checked entries.

        Raises:
            PlanError: Some are wrong. The error lists all of them.
        """
        if self._problems:
            raise plan_error(self._source, self._problems)
        return self.entries


def plan_error(source: str, problems: list[tuple[int, str]]) -> PlanError:
    """Return the error that lists all mistakes."""
    lines = [f"{source} {number}: {problem}" for number, problem in problems[:TOLD]]
    if len(problems) > TOLD:
        lines.append(f"and {len(problems) - TOLD} more, which are in `problems`")
    count = "one mistake" if len(problems) == 1 else f"{len(problems)} mistakes"
    return PlanError(f"the plan has {count}, and nothing was created:\n" + "\n".join(lines), problems=problems)


async def read_plan(plan: object) -> list[Entry]:
    """Return the checked entries of a plan of any type that `provision` accepts.

    Raises:
        PlanError: Entries are wrong.
        ConfigurationError: It is not a plan.
    """
    __tracebackhide__ = True
    reader = PlanReader()
    if isinstance(plan, (str, bytes, TrackerSpec, Mapping)):
        raise ConfigurationError(f"plan is {shown(plan)}: pass a list of paths or TrackerSpec, or load_plan(path)")
    if isinstance(plan, AsyncIterable):
        number = 0
        async for item in plan:
            number += 1
            reader.take(number, item)
            if not number % PORTION:
                await asyncio.sleep(0)  # a plan may be long, and other tasks must run
    else:
        for number, item in enumerate(_items(plan), 1):
            reader.take(number, item)
            if not number % PORTION:
                await asyncio.sleep(0)
    return reader.finish()


def _items(plan: object) -> Iterator[object]:
    if isinstance(plan, Iterable):
        with suppress(TypeError):  # some objects only look iterable
            return iter(plan)
    raise ConfigurationError(f"plan is {shown(plan)}: pass an iterable of paths or TrackerSpec")
