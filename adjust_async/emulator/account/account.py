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
    PARTNERS,
    PLATFORMS,
    SPECIAL_NETWORKS,
)
from adjust_async.emulator.account.options import DEEPEST_LEVEL, SEPARATOR, AccountOptions
from adjust_async.emulator.account.tokens import APP_TOKEN_LENGTH, TrackerTokens, random_token

LABELS_OF_LEVEL = {2: CAMPAIGNS, 3: AD_GROUPS, 4: CREATIVES}

# Enough children under one parent for a second page of 50.
_CROWD = 60
_NETWORKS_BEFORE_SPECIALS = 8


_Tree = dict[str, "_Tree"]


class AppRow(NamedTuple):
    """A row of `apps`; without a `currency` the app has the one of its place."""

    id: int
    token: str
    name: str
    networks: int
    currency: str | None


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
    """Draws the rows of an account; the same options draw the same rows, app by app.

    Each app has a source of its own, so that it stays as it is whatever apps come behind it. Raises `ValueError` for
    `trackers` of an app that the account does not have.
    """

    def __init__(self, options: AccountOptions) -> None:
        self._options = options
        self._tokens = TrackerTokens(options.seed)
        self._partners = PARTNERS[: options.partners]
        self._supports_cost_data = {partner.id: partner.supports_cost_data for partner in self._partners}
        self._partner_ids = {partner.display_name: partner.id for partner in self._partners}
        self._last_id = 0
        given = [None] * options.apps if isinstance(options.apps, int) else options.apps
        self._sources = [random.Random(f"app {number} by {options.seed}") for number in range(1, len(given) + 1)]
        self._random = self._sources[0]
        self._sizes: list[list[int]] = []
        self.apps: list[AppRow] = []
        for number, app in enumerate(given, start=1):
            self._random = self._sources[number - 1]
            generated = random_token(self._random, APP_TOKEN_LENGTH)
            token = generated if app is None else app.token
            sizes = self._level_sizes(options.trackers_of_each_app)
            name = _app_name(number) if app is None or app.name is None else app.name
            networks = len(_tree(options.trackers[token])) if token in options.trackers else sizes[0]
            self._sizes.append(sizes)
            self.apps.append(AppRow(number, token, name, networks, None if app is None else app.currency))
        strangers = options.trackers.keys() - {app.token for app in self.apps}
        if strangers:
            raise ValueError(f"trackers names {', '.join(sorted(strangers))}, which apps does not have.")

    def trackers(self) -> Iterator[list[TrackerSeed]]:
        """Draw the trackers, level by level of each app."""
        for app, sizes, source in zip(self.apps, self._sizes, self._sources, strict=True):
            self._random = source
            if app.token in self._options.trackers:
                yield from self._given_trackers(app.id, self._options.trackers[app.token])
                continue
            parents = self._networks(app.id, sizes)
            yield parents
            for level in (2, 3, 4):
                grandchildren = sizes[level] if level < len(sizes) else 0
                parents = self._subtrackers(app.id, level, parents, grandchildren)
                yield parents

    def _given_trackers(self, app_id: int, names: Sequence[str]) -> Iterator[list[TrackerSeed]]:
        """Make the trackers of those names, and those above them, with the partner that the network is named after."""
        level: list[tuple[int, str, _Tree]] = [(0, "", _tree(names))]
        for depth in range(1, DEEPEST_LEVEL + 1):
            below: list[tuple[int, str, _Tree]] = []
            rows = []
            for parent_id, above, children in level:
                for label, grandchildren in children.items():
                    name = f"{above}{SEPARATOR}{label}" if above else label
                    self._last_id += 1
                    row = TrackerSeed(
                        self._last_id,
                        app_id,
                        parent_id,
                        self._tokens.token(self._last_id),
                        name,
                        depth,
                        archived=False,
                        partner_id=self._partner_ids.get(name.partition(SEPARATOR)[0]),
                        cost_data_enabled=False,
                        links=links.BOTH,
                        subtrackers=len(grandchildren),
                    )
                    rows.append(row)
                    below.append((row.id, name, grandchildren))
            yield rows
            level = below

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


def _tree(names: Sequence[str]) -> "_Tree":
    """Nest the labels of names, in order."""
    tree: _Tree = {}
    for name in names:
        node = tree
        for label in name.split(SEPARATOR):
            node = node.setdefault(label, {})
    return tree


def _app_name(number: int) -> str:
    edition, index = divmod(number - 1, len(APP_NAMES))
    name = APP_NAMES[index]
    return f"{name} {COUNTRIES[(edition - 1) % len(COUNTRIES)]}" if edition else name


def _variant(number: int) -> str:
    rest, country = divmod(number, len(COUNTRIES))
    edition, platform = divmod(rest, len(PLATFORMS))
    name = f"{PLATFORMS[platform]} {COUNTRIES[country]}"
    return f"{name} {edition + 1}" if edition else name
