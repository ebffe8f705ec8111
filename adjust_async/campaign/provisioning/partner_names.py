"""Find the partners that a plan names among those of the account. Errors suggest the nearest names."""

import asyncio
from collections.abc import Iterable, Sequence

from adjust_async._checks import shown
from adjust_async._suggestions import near_names_in_thread
from adjust_async.campaign.models import Partner
from adjust_async.campaign.provisioning.plan import Entry, plan_error
from adjust_async.campaign.siblings import PORTION

__all__ = ["find_partners"]


async def find_partners(entries: Sequence[Entry], partners: Iterable[Partner]) -> list[Entry]:
    """Return the entries, with the ids of partners that were passed by name.

    A name that differs from a partner's only in case or spaces matches it, with a note.

    Raises:
        PlanError: A partner is unknown, or a name fits several. The error lists all such entries.
    """
    names = _PartnerNames(partners)
    found: list[Entry] = []
    unknown: list[tuple[int, str, Sequence[Partner]]] = []
    for number, entry in enumerate(entries, 1):
        name = entry.spec.partner
        if name is not None:
            match = names.find(name)
            if len(match) == 1:
                called = match[0].display_name
                note = None if called == name else f"partner {name!r} was matched with {called!r}"
                entry = entry._replace(partner_id=match[0].id, note=note)
            else:
                unknown.append((number, name, match))
        found.append(entry)
        if not number % PORTION:
            await asyncio.sleep(0)
    if unknown:
        raise plan_error("entry", await _problems(unknown, names))
    return found


class _PartnerNames:
    def __init__(self, partners: Iterable[Partner]) -> None:
        self._exact: dict[str, list[Partner]] = {}
        self.folded: dict[str, list[Partner]] = {}
        for partner in partners:
            self._exact.setdefault(partner.display_name, []).append(partner)
            self.folded.setdefault(_folded(partner.display_name), []).append(partner)

    def find(self, name: str) -> Sequence[Partner]:
        """Return the partners of that name, or else those whose names differ only in case or spaces."""
        return self._exact.get(name) or self.folded.get(_folded(name)) or ()


def _folded(name: str) -> str:
    return "".join(name.casefold().split())


async def _problems(
    unknown: Sequence[tuple[int, str, Sequence[Partner]]], names: _PartnerNames
) -> list[tuple[int, str]]:
    near = await near_names_in_thread((_folded(name) for _, name, match in unknown if not match), names.folded)
    told: dict[str, str] = {}
    problems = []
    for number, name, match in unknown:
        if name not in told:
            told[name] = _problem(
                name, match, [names.folded[key][0].display_name for key in near.get(_folded(name), ())]
            )
        problems.append((number, told[name]))
        if not number % PORTION:
            await asyncio.sleep(0)
    return problems


def _problem(name: str, match: Sequence[Partner], near: Sequence[str]) -> str:
    if match:
        ids = ", ".join(str(partner.id) for partner in match)
        called = {partner.display_name for partner in match}
        what = f"called {shown(name)}" if called == {name} else f"that {shown(name)} may mean"
        return f"there are {len(match)} partners {what}: pass partner_id, one of {ids}"
    hint = f". Did you mean {' or '.join(map(repr, near))}?" if near else ": adjust.partners.list() lists them all"
    return f"there is no partner called {shown(name)}{hint}"
