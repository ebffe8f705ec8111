"""The trackers that the benchmarks of provisioning create."""


def plan_of(trackers: int) -> list[str]:
    """Return this many paths: networks, ten campaigns in each, ten adgroups in each campaign, and then creatives."""
    paths: list[str] = []
    for network in range(max(1, trackers // 1000)):
        paths.append(f"Network {network}")
        for campaign in range(10):
            paths.append(f"Network {network}::Campaign {campaign}")
            paths += [f"Network {network}::Campaign {campaign}::Adgroup {adgroup}" for adgroup in range(10)]
    adgroups = [path for path in paths if depth(path) == 2]
    creatives = max(0, trackers - len(paths))
    paths += [f"{adgroups[number % len(adgroups)]}::Creative {number // len(adgroups)}" for number in range(creatives)]
    return paths[:trackers]


def depth(path: str) -> int:
    """Return the number of trackers above it."""
    return path.count("::")
