"""Redirects: which ones are followed, and what errors say about the others.

httpx could follow them, but to any host, and the API token must not be sent there.
"""

import httpx

from adjust_async._http.messages import Answer

__all__ = ["FOLLOWED", "MOST_REDIRECTS", "origin_of", "redirect_target", "refusal"]

#: Statuses of redirects.
FOLLOWED = frozenset({301, 302, 303, 307, 308})

#: Statuses after which a write is repeated unchanged. After the others it would become a GET.
KEEPS_METHOD = frozenset({307, 308})

MOST_REDIRECTS = 5


def origin_of(url: httpx.URL | str) -> str:
    """Return scheme, host and port of a URL, without the default port."""
    parsed = httpx.URL(url)
    return f"{parsed.scheme}://{parsed.netloc.decode('ascii')}"


def redirect_target(method: str, url: httpx.URL, status: int, location: str | None) -> httpx.URL | None:
    """Return the URL that a redirect leads to; `None` if the answer is not a redirect that may be followed."""
    if status not in FOLLOWED or not location or (method != "GET" and status not in KEEPS_METHOD):
        return None
    target = _joined(url, location)
    if target is None or target.userinfo or origin_of(target) != origin_of(url):
        return None
    return target.copy_with(fragment=None)


def refusal(answer: Answer) -> str:
    """Return why a redirect was not followed. Only origins are named, since the rest of a URL may contain secrets."""
    location = answer.headers.get("location")
    if not location:
        return "a redirect without a target"
    here = answer.origin or "the service"
    target = _joined(f"{answer.origin}{answer.path}", location)
    there = origin_of(target) if target is not None and target.host else "another place"
    setting = "reports_url" if answer.service == "reports" else "api_url"
    if there != answer.origin:
        return f"{here} redirected to {there}, to which the API token must not be sent: check {setting}"
    if answer.method != "GET" and answer.status not in KEEPS_METHOD:
        return f"{here} redirected within itself in a way that would turn a {answer.method} into a GET"
    return f"{here} redirected within itself in a way that can't be followed, or more than {MOST_REDIRECTS} times"


def _joined(url: httpx.URL | str, location: str) -> httpx.URL | None:
    """Resolve a `Location`, with the parser that also sends the request."""
    try:
        return httpx.URL(url).join(location)
    except (httpx.InvalidURL, ValueError):
        return None
