"""The faults, and which requests each of them is for."""

from enum import StrEnum


class Fault(StrEnum):
    """What can go wrong with a request; scripts and `kinds` take the values in place of the members."""

    TOO_MANY_REQUESTS = "429"
    """429 without `Retry-After`; nothing was done."""
    TOO_MANY_REQUESTS_RETRY_AFTER = "429-retry-after"
    """429 with `Retry-After`; nothing was done."""
    TOO_MANY_REQUESTS_STORM = "429-storm"
    """429 for this request and all that arrive within `Faults.storm` seconds; nothing was done. Every request that is
    refused counts."""
    SERVER_ERROR = "500"
    """500 in Adjust's error envelope; nothing was done."""
    SERVER_ERROR_AFTER = "500-after"
    """The work is done and committed, and 500 is answered."""
    HTML_BAD_GATEWAY = "502-html"
    """502 with a page of HTML, as a proxy in front sends it; nothing was done."""
    UNAVAILABLE = "503"
    """503 without `Retry-After`; nothing was done."""
    UNAVAILABLE_RETRY_AFTER = "503-retry-after"
    """503 with `Retry-After`; nothing was done."""
    UNAVAILABLE_AFTER = "503-after"
    """The work is done and committed, and 503 with `Retry-After` is answered, as a gateway that lost its backend
    answers: the header says nothing about whether the work was done."""
    DROP_BEFORE = "drop-before"
    """The connection is closed before the work is done: no tracker is created."""
    DROP_AFTER = "drop-after"
    """The connection is closed after the work was done and committed: the tracker exists, its answer is lost."""
    DROP_LATE = "drop-late"
    """The connection is closed at once, and the work is done `Faults.late` seconds later: a list right after the drop
    does not show the tracker yet."""
    TRUNCATED_BODY = "truncated-body"
    """The work is done; half of the bytes that `Content-Length` announces arrive, then the connection closes."""
    TRUNCATED_JSON = "truncated-json"
    """The work is done; `Content-Length` is right, and the JSON ends half-way."""
    DRIP = "drip"
    """The work is done; the body comes a few bytes at a time over `Faults.drip` seconds."""
    WRONG_TRACKER = "wrong-tracker"
    """The work of a create or an update is done, and the answer holds another tracker of the app, as out of a cache
    that mixed two requests up. Without another tracker the answer is right."""
    REPEATED_CURSOR = "repeated-cursor"
    """The page's next cursor leads to the same page again. Only a loop check ends such a walk."""
    EMPTY_PAGE = "empty-page"
    """An extra page without items, whose next cursor leads on to the items that would have come."""
    MOVED_LIST = "moved-list"
    """The list moves while it is paged: the page's next cursor leaves out the first item behind the page. The `total`
    of v1 still counts it; v2 has nothing that tells. On the last page it does nothing."""
    REPEATED_ITEM = "repeated-item"
    """The list moves the other way: the next page begins with the last item of this one again. On the last page, and
    on one of a single item, it does nothing."""
    STALE_SUBTRACKERS = "stale-has-subtrackers"
    """`has_subtrackers` is false for all trackers of the page, as it was when they were created."""
    UNLISTED = "unlisted"
    """The work is done and answered as usual, and lists show it only `Faults.late` seconds later; by its token a
    tracker can be used at once."""
    HANG = "hang"
    """Nothing is done and nothing answered until the client goes away."""


CURSOR_FAULTS = frozenset({Fault.REPEATED_CURSOR, Fault.EMPTY_PAGE})
"""Faults of a list page's cursor; on any other request they do nothing and are not counted."""

LIST_FAULTS = CURSOR_FAULTS | {Fault.MOVED_LIST, Fault.REPEATED_ITEM, Fault.STALE_SUBTRACKERS}
"""All faults of a list page; on any other request they do nothing and are not counted."""

LIST_DELAYS = frozenset({Fault.UNLISTED})
"""Faults that keep a write out of the lists for a while. On a request that writes nothing they do nothing and are not
counted, though a script goes on by a step; `match="POST"` spares the others."""

ANSWER_FAULTS = frozenset({Fault.WRONG_TRACKER})
"""Faults of the answer to a write; on any other request they do nothing and are not counted."""

RECOVERABLE_FAULTS = (
    Fault.TOO_MANY_REQUESTS,
    Fault.TOO_MANY_REQUESTS_RETRY_AFTER,
    Fault.SERVER_ERROR,
    Fault.HTML_BAD_GATEWAY,
    Fault.UNAVAILABLE,
    Fault.UNAVAILABLE_RETRY_AFTER,
    Fault.DROP_BEFORE,
    Fault.DROP_AFTER,
    Fault.TRUNCATED_BODY,
    Fault.TRUNCATED_JSON,
    Fault.DRIP,
    Fault.EMPTY_PAGE,
)
"""Faults that a careful client overcomes by itself; what a bare rate such as `faults=0.2` draws from."""

WRITE_FAULTS = (
    *RECOVERABLE_FAULTS,
    Fault.SERVER_ERROR_AFTER,
    Fault.UNAVAILABLE_AFTER,
    Fault.DROP_LATE,
    Fault.UNLISTED,
    Fault.WRONG_TRACKER,
    Fault.MOVED_LIST,
    Fault.REPEATED_ITEM,
    Fault.STALE_SUBTRACKERS,
    Fault.TOO_MANY_REQUESTS_STORM,
)
"""All that stands between a client and exactly one tracker of each name; what `Faults.of_writes` draws from."""
