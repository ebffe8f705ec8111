"""Redirects: which ones are followed, and what is said of the others.

httpx could follow them, but to any host, and the API token must not go there.
"""

from urllib.parse import urljoin, urlsplit

from adjust_async._http.messages import Answer

__all__ = ["FOLLOWED", "MOST_REDIRECTS", "origin_of", "redirect_target", "refusal"]

#: Statuses that send a request elsewhere.
FOLLOWED = frozenset({301, 302, 303, 307, 308})

#: Statuses after which a write is sent again as it was; after the others it would become a GET.
KEEPS_METHOD = frozenset({307, 308})

MOST_REDIRECTS = 5

_PORTS = {"http": 80, "https": 443}


def origin_of(url: str) -> str | None:
    """Return scheme, host and port of a URL, the usual port left out; `None` where it has none."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if not parts.scheme or not parts.hostname:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}" + ("" if port in (None, _PORTS.get(parts.scheme)) else f":{port}")


def redirect_target(method: str, url: str, status: int, location: str | None) -> str | None:
    """Return the URL to which a request is sent on; `None` where the answer is no redirect that may be followed."""
    if status not in FOLLOWED or not location or (method != "GET" and status not in KEEPS_METHOD):
        return None
    target = _joined(url, location)
    if target is None or origin_of(target) != origin_of(url) or "@" in urlsplit(target).netloc:
        return None
    return target.partition("#")[0]


def refusal(answer: Answer) -> str:
    """Say why a redirect was not followed. Only origins are named: the rest of a URL may hold secrets."""
    location = answer.headers.get("location")
    if not location:
        return "a redirect that does not say where to"
    target = _joined(f"{answer.origin}{answer.path}", location)
    there = origin_of(target) if target else None
    setting = "reports_url" if answer.service == "reports" else "api_url"
    if there is None or there != answer.origin:
        return (
            f"{answer.origin or 'the service'} redirected to {there or 'another place'}, where the API token must not "
            f"go: check {setting}"
        )
    if answer.method != "GET" and answer.status not in KEEPS_METHOD:
        return f"{answer.origin} redirected within itself in a way that would turn a {answer.method} into a GET"
    return f"{answer.origin} redirected within itself more than {MOST_REDIRECTS} times: check {setting}"


def _joined(url: str, location: str) -> str | None:
    try:
        return urljoin(url, location)
    except ValueError:
        return None
