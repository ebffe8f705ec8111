"""A believable account by seed: apps, each with a tree of networks, campaigns, ad groups and creatives."""

import math
import random
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from adjust_async.emulator.account import links
from adjust_async.emulator.account.catalog import (
    AD_GROUPS,
    APP_NAMES,
    CAMPAIGNS,
    COUNTRIES,
    CREATIVES,
    PLATFORMS,
    SPECIAL_NETWORKS,
    Partner,
)
from adjust_async.emulator.account.tokens import APP_TOKEN_LENGTH, TrackerTokens, random_token

LABELS_OF_LEVEL = {2: CAMPAIGNS, 3: AD_GROUPS, 4: CREATIVES}

# Enough children under one parent for a second page of 50.
_CROWD = 60
_NETWORKS_BEFORE_SPECIALS = 8


class AppRow(NamedTuple):
    """A row of `apps`."""

    id: int
    token: str
    name: str
    networks: int


class TrackerSeed(NamedTuple):
    """A row of `trackers`."""

    id: int
    app_id: int
    parent_id: int
    token: str
    name: str
    level: int
    archived: bool
    partner_id: int | None
    cost_data_enabled: bool
    links: int
    subtrackers: int


class Account:
    """Draws the rows of an account; the same arguments draw the same rows."""

    def __init__(self, seed: int, apps: int, trackers_per_app: int, partners: Sequence[Partner]) -> None:
        self._random = random.Random(seed)
        self._tokens = TrackerTokens(seed)
        self._partners = partners
        self._supports_cost_data = {partner.id: partner.supports_cost_data for partner in partners}
        self._last_id = 0
        self._sizes = [self._level_sizes(trackers_per_app) for _ in range(apps)]
        self.apps = [
            AppRow(number, random_token(self._random, APP_TOKEN_LENGTH), _app_name(number), sizes[0])
            for number, sizes in enumerate(self._sizes, start=1)
        ]

    def trackers(self) -> Iterator[list[TrackerSeed]]:
        """Draw the trackers, level by level of each app."""
        for app, sizes in zip(self.apps, self._sizes, strict=True):
            parents = self._networks(app.id, sizes)
            yield parents
            for level in (2, 3, 4):
                grandchildren = sizes[level] if level < len(sizes) else 0
                parents = self._subtrackers(app.id, level, parents, grandchildren)
                yield parents

    def _level_sizes(self, total: int) -> list[int]:
        networks = max(min(total, 3), round(total * self._random.uniform(0.26, 0.34)))
        campaigns = math.ceil((total - networks) * 0.5)
        ad_groups = math.ceil((total - networks - campaigns) * 0.6)
        return [networks, campaigns, ad_groups, total - networks - campaigns - ad_groups]

    def _networks(self, app_id: int, sizes: list[int]) -> list[TrackerSeed]:
        names = self._network_names(sizes[0])
        parents = [index for index, (_, partner_id) in enumerate(names) if partner_id is not None]
        counts = self._share(sizes[1], parents, len(names))
        return [
            self._tracker(app_id, 0, name, 1, partner_id, subtrackers)
            for (name, partner_id), subtrackers in zip(names, counts, strict=True)
        ]

    def _network_names(self, count: int) -> list[tuple[str, int | None]]:
        names: list[tuple[str, int | None]] = [(partner.display_name, partner.id) for partner in self._partners]
        names[_NETWORKS_BEFORE_SPECIALS:_NETWORKS_BEFORE_SPECIALS] = [(name, None) for name in SPECIAL_NETWORKS]
        number = 0
        while len(names) < count:
            rest, partner = divmod(number, len(self._partners))
            name, partner_id = self._partners[partner].display_name, self._partners[partner].id
            names.append((f"{name} {_variant(rest)}", partner_id))
            number += 1
        return names[:count]

    def _subtrackers(
        self, app_id: int, level: int, parents: list[TrackerSeed], grandchildren: int
    ) -> list[TrackerSeed]:
        total = sum(parent.subtrackers for parent in parents)
        counts = iter(self._share(grandchildren, range(total), total))
        labels = LABELS_OF_LEVEL[level]
        trackers = []
        for parent in parents:
            offset = self._below(len(labels))
            for number in range(parent.subtrackers):
                rest, label = divmod(number, len(labels))
                name = f"{parent.name}::{labels[(label + offset) % len(labels)]}"
                if level == 2 or rest:
                    name = f"{name} {_variant(rest)}"
                partner_id = None if self._random.random() < 0.1 else parent.partner_id
                trackers.append(self._tracker(app_id, parent.id, name, level, partner_id, next(counts)))
        return trackers

    def _share(self, total: int, takers: Sequence[int], length: int) -> list[int]:
        """Share out children unevenly: one crowded parent, the others fewer the later they come."""
        counts = [0] * length
        if total == 0:
            return counts
        crowd = max(_CROWD, total // 12) if total > _CROWD else total // 2
        counts[takers[self._below(len(takers))]] = crowd
        for _ in range(total - crowd):
            counts[takers[int(len(takers) * self._random.random() ** 2)]] += 1
        return counts

    def _tracker(
        self, app_id: int, parent_id: int, name: str, level: int, partner_id: int | None, subtrackers: int
    ) -> TrackerSeed:
        self._last_id += 1
        chance = self._random.random()
        return TrackerSeed(
            self._last_id,
            app_id,
            parent_id,
            self._tokens.token(self._last_id),
            name,
            level,
            chance < 0.04,
            partner_id,
            chance > 0.6 and self._supports_cost_data.get(partner_id or 0, False),
            self._links(),
            subtrackers,
        )

    def _links(self) -> int:
        chance = self._random.random()
        if chance < 0.92:
            return links.BOTH
        return links.CLICK if chance < 0.97 else 0

    def _below(self, bound: int) -> int:
        return int(self._random.random() * bound)


def _app_name(number: int) -> str:
    edition, index = divmod(number - 1, len(APP_NAMES))
    name = APP_NAMES[index]
    return f"{name} {COUNTRIES[(edition - 1) % len(COUNTRIES)]}" if edition else name


def _variant(number: int) -> str:
    rest, country = divmod(number, len(COUNTRIES))
    edition, platform = divmod(rest, len(PLATFORMS))
    name = f"{PLATFORMS[platform]} {COUNTRIES[country]}"
    return f"{name} {edition + 1}" if edition else name
