"""Which proxy leads to a host, from the variables that httpx and curl use."""

import ipaddress
import os
import re
from collections.abc import Collection
from importlib.util import find_spec
from urllib.request import getproxies, proxy_bypass

import attrs
import httpx

from adjust_async._hosts import is_loopback
from adjust_async.errors import ConfigurationError
from adjust_async.transports.origins import Origin

__all__ = ["Proxies", "Proxy"]

_DEFAULT_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}

HIGHEST_PORT = 65535

#: The source of proxies that macOS and Windows keep outside of environment variables.
SYSTEM = "the system's settings"


@attrs.frozen
class Proxy:
    """A proxy. Its representation has the host and the port, but never the user and the password."""

    url: str = attrs.field(repr=False)
    scheme: str
    #: Host and port.
    address: str
    #: The variable or the argument that names it.
    source: str

    def __str__(self) -> str:
        return f"{self.address} (from {self.source})"


class Proxies:
    """The proxies of a transport: the one that it was passed, or those of the environment.

    Args:
        proxy: The URL of the proxy for all origins; `None` without one.
        schemes: The schemes that the transport supports.
        trust_env: Whether to use the environment if no proxy is passed.
    """

    def __init__(self, proxy: object, schemes: Collection[str], *, trust_env: bool) -> None:
        __tracebackhide__ = True
        self._given = None if proxy is None else check_proxy(proxy, "proxy", schemes)
        self._schemes = schemes
        self._trust_env = trust_env
        self._found: dict[Origin, Proxy | None] = {}

    def of(self, origin: Origin) -> Proxy | None:
        """Return the proxy for an origin. The environment is read once per origin.

        Raises:
            ConfigurationError: The environment names one that can't be used.
        """
        if self._given is not None or not self._trust_env:
            return self._given
        if origin not in self._found:
            self._found[origin] = proxy_for(origin, self._schemes)
        return self._found[origin]


def check_proxy(url: object, source: str, schemes: Collection[str]) -> Proxy:
    """Return a checked proxy.

    Raises:
        ConfigurationError: The URL is not a proxy's, or its scheme is not supported. The message does not show it,
            since it may contain a password.
    """
    example = "pass a URL such as 'http://proxy.example.com:3128', with user:password@ before the host if it needs them"
    if not isinstance(url, str):
        raise ConfigurationError(f"{source} is a value of type {type(url).__name__}: {example}")
    if "://" not in url:
        url = f"http://{url}"
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError):
        raise ConfigurationError(f"{source} is not the URL of a proxy: {example}") from None
    port = parsed.port or _DEFAULT_PORTS.get(parsed.scheme, 0)
    if not parsed.host:
        raise ConfigurationError(f"{source} has no host: {example}")
    if port > HIGHEST_PORT:
        raise ConfigurationError(f"{source} has the port {port}, and the highest is {HIGHEST_PORT}: {example}")
    if parsed.scheme not in schemes:
        raise ConfigurationError(f"{source} has the unsupported scheme {parsed.scheme!r}: {_usable(schemes)}")
    if parsed.scheme.startswith("socks") and find_spec("socksio") is None:
        raise ConfigurationError(f"{source} is a SOCKS proxy, which needs socksio: pip install 'httpx[socks]'")
    host = f"[{parsed.host}]" if ":" in parsed.host else parsed.host
    return Proxy(url, parsed.scheme, f"{host}:{port}", source)


def proxy_for(origin: Origin, schemes: Collection[str]) -> Proxy | None:
    """Return the proxy that the environment names for an origin; never one for this machine itself.

    Raises:
        ConfigurationError: The environment names one that can't be used.
    """
    if is_loopback(origin.host):
        return None
    proxies = getproxies()
    scheme = origin.scheme if proxies.get(origin.scheme) else "all"
    url = proxies.get(scheme)
    if not url or _is_excluded(origin, proxies.get("no", "")):
        return None
    variable = f"{scheme}_proxy"
    source = next((name for name in os.environ if name.lower() == variable and os.environ[name] == url), SYSTEM)
    if source == SYSTEM and proxy_bypass(f"{origin.host}:{origin.port}"):
        return None
    return check_proxy(url, source, schemes)


def _usable(schemes: Collection[str]) -> str:
    words = f"use one of {', '.join(sorted(schemes))}"
    return words if "socks5" in schemes else f"{words}; for SOCKS use PooledTransport and pip install 'httpx[socks]'"


def _is_excluded(origin: Origin, no_proxy: str) -> bool:
    """Return whether `NO_PROXY` covers the origin by a name, domain, address or network, with or without a port."""
    for entry in re.split(r"[\s,]+", no_proxy.lower()):
        scheme, _, rest = entry.rpartition("://")
        host, port = _split(rest)
        if scheme in ("", "all", origin.scheme) and port in ("", str(origin.port)) and _covers(host, origin.host):
            return True
    return False


def _split(entry: str) -> tuple[str, str]:
    """Split host and port. An IPv6 address has a port only after brackets."""
    if match := re.fullmatch(r"\[(.+)\](?::(\d+))?", entry):
        return match[1], match[2] or ""
    host, _, port = entry.partition(":")
    return (host, port) if port.isdecimal() else (entry, "")


def _covers(pattern: str, host: str) -> bool:
    if pattern == "*":
        return True
    try:
        network, address = ipaddress.ip_network(pattern, strict=False), ipaddress.ip_address(host)
    except ValueError:
        host = host.rstrip(".").lower()
        domain = pattern.removeprefix("*").strip(".")
        return bool(domain) and (host.endswith(f".{domain}") or (host == domain and not pattern.startswith("*")))
    return address in network
