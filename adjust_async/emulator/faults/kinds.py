"""The kinds of faults, and the requests that each applies to."""

from enum import StrEnum


class Fault(StrEnum):
    """A fault of a request; scripts and `kinds` accept the string values instead of the members."""

    TOO_MANY_REQUESTS = "429"
    """429 without `Retry-After`; nothing was done."""
    TOO_MANY_REQUESTS_RETRY_AFTER = "429-retry-after"
    """429 with `Retry-After`; nothing was done."""
    TOO_MANY_REQUESTS_STORM = "429-storm"
    """429 for this request and for all that arrive within `Faults.storm` seconds; nothing was done. Every refused
    request is counted."""
    SERVER_ERROR = "500"
    """500 in the error format of the API; nothing was done."""
    SERVER_ERROR_AFTER = "500-after"
    """The work is done and committed, and the answer is 500."""
    HTML_BAD_GATEWAY = "502-html"
    """502 with an HTML page, as from a proxy; nothing was done."""
    UNAVAILABLE = "503"
    """503 without `Retry-After`; nothing was done."""
    UNAVAILABLE_RETRY_AFTER = "503-retry-after"
    """503 with `Retry-After`; nothing was done."""
    UNAVAILABLE_AFTER = "503-after"
    """The work is done and committed, and the answer is 503 with `Retry-After`, as from a gateway that lost its
    backend: the header does not show whether the work was done."""
    DROP_BEFORE = "drop-before"
    """The connection is closed before the work is done: no tracker is created."""
    DROP_AFTER = "drop-after"
    """The connection is closed after the work was done and committed: the tracker exists, but its answer is lost."""
    DROP_LATE = "drop-late"
    """The connection is closed at once, and the work is done `Faults.late` seconds later: a list right after the drop
    does not show the tracker yet."""
    TRUNCATED_BODY = "truncated-body"
    """The work is done; half of the bytes announced by `Content-Length` arrive, then the connection closes."""
    TRUNCATED_JSON = "truncated-json"
    """The work is done; `Content-Length` is right, but the JSON ends half-way."""
    DRIP = "drip"
    """The work is done; the body arrives a few bytes at a time over `Faults.drip` seconds."""
    WRONG_TRACKER = "wrong-tracker"
    """The work of a create or an update is done, and the answer is another tracker of the app, as from a cache that
    mixed two requests up. If there is no other tracker, the answer is right."""
    REPEATED_CURSOR = "repeated-cursor"
    """The page's next cursor leads to the same page again. Only loop detection ends such a walk."""
    EMPTY_PAGE = "empty-page"
    """An extra page without items, whose next cursor leads to the items that were due."""
    MOVED_LIST = "moved-list"
    """The list moves while it is paged: the page's next cursor skips the first item after the page. The `total` of v1
    still counts it; v2 has nothing that shows it. On the last page it has no effect."""
    REPEATED_ITEM = "repeated-item"
    """The list moves the other way: the next page begins with the last item of this one again. On the last page, and
    on one with a single item, it has no effect."""
    STALE_SUBTRACKERS = "stale-has-subtrackers"
    """`has_subtrackers` is false for all trackers of the page, as when they were created."""
    UNLISTED = "unlisted"
    """The work is done and answered as usual, but lists show it only `Faults.late` seconds later. By its token, the
    tracker can be used at once."""
    HANG = "hang"
    """Nothing is done, and nothing is answered until the client disconnects."""


CURSOR_FAULTS = frozenset({Fault.REPEATED_CURSOR, Fault.EMPTY_PAGE})
"""Faults of a list page's cursor; on other requests they have no effect and are not counted."""

LIST_FAULTS = CURSOR_FAULTS | {Fault.MOVED_LIST, Fault.REPEATED_ITEM, Fault.STALE_SUBTRACKERS}
"""All faults of a list page; on other requests they have no effect and are not counted."""

LIST_DELAYS = frozenset({Fault.UNLISTED})
"""Faults that keep a write out of the lists for a while. On a request that writes nothing they have no effect and are
not counted, but they use up a step of a script; `match="POST"` skips other requests."""

ANSWER_FAULTS = frozenset({Fault.WRONG_TRACKER})
"""Faults of the answer to a write; on other requests they have no effect and are not counted."""

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
"""Faults that a careful client recovers from; a bare rate such as `faults=0.2` draws from these."""

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
"""All faults that make it hard to create each name exactly once; `Faults.of_writes` draws from these."""
