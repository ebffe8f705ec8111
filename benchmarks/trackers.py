"""Canned lists of trackers in the format of the Campaign API v1, for the benchmarks of lists and trees."""

from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from benchmarks.server import response

#: Trackers per page; the service's default.
PAGE_SIZE = 50


def tracker(token: str, name: str, *, has_subtrackers: bool = False) -> dict[str, Any]:
    """Make one tracker, whose name is its full path."""
    return {
        "name": name,
        "token": token,
        "label": name.rpartition("::")[2],
        "level": name.count("::") + 1,
        "archived": False,
        "has_subtrackers": has_subtrackers,
        "partner_id": 174,
        "cost_data_enabled": False,
        "url": f"https://app.adjust.com/{token}",
        "click_url": f"https://app.adjust.com/{token}?campaign={{campaign_name}}&idfa={{idfa}}&gps_adid={{gps_adid}}",
        "impression_url": f"https://view.adjust.com/impression/{token}?campaign={{campaign_name}}&idfa={{idfa}}",
    }


def pages(path: str, trackers: Sequence[dict[str, Any]]) -> Iterator[tuple[bytes, bytes]]:
    """Make the pages of one list, each with its key in `Answers`."""
    for first in range(0, len(trackers), PAGE_SIZE):
        items = trackers[first : first + PAGE_SIZE]
        after = f"p{first + PAGE_SIZE}" if first + PAGE_SIZE < len(trackers) else None
        following = f"https://api.adjust.com{path}?after={after}&limit={PAGE_SIZE}"
        data = {
            "api_version": "1",
            "request_id": "FcK55-tdJUDOWQIAABsB",
            "timestamp": "2019-09-09T09:07:06Z",
            "paging": {
                "page_size": str(PAGE_SIZE),
                "collection_size": str(len(items)),
                "total": str(len(trackers)),
                "next": None if after is None else following,
                "previous": None,
                "cursors": {"after": after, "before": f"p{first}" if first else None},
            },
            "items": items,
        }
        yield (f"{path}?p{first}" if first else path).encode(), response(orjson.dumps({"data": data}))
