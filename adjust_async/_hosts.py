"""Checks of service URLs and host names, so that the API token never goes to the wrong place."""

import ipaddress
import os
import re
from collections.abc import Iterable

from adjust_async._checks import shown
from adjust_async.errors import ConfigurationError

__all__ = ["check_hosts", "find_url", "is_loopback", "is_trusted"]

HIGHEST_PORT = 65535
LONGEST_LABEL = 63

#: Scheme, host and port, and the path prefix that a gateway may add.
_SERVICE_URL = (
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9A-Fa-f:.]+\])(:(?P<port>[0-9]{1,5}))?"
    r"(?P<path>(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*)/*"
)


def is_loopback(host: str) -> bool:
    """Return whether the host can only be this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _service_url(url: object, argument: str, example: str, own_path: str, insecure_hosts: Iterable[str]) -> str:
    """Check the URL of a service. A message never repeats a part that may hold a secret."""
    if not isinstance(url, str):
        raise ConfigurationError(f"{argument} is {shown(url)}: pass it as text, such as {example!r}")
    if "@" in url or "?" in url or "#" in url:
        raise ConfigurationError(
            f"{argument} has a user name, a password, a query or a fragment: URLs get logged, so pass only scheme and "
            f"host, such as {example!r}"
        )
    match = re.fullmatch(_SERVICE_URL, url)
    if match is None or int(match["port"] or 0) > HIGHEST_PORT or not _is_host(_host(url)):
        raise ConfigurationError(f"{argument} is {shown(url)}: pass scheme and host, such as {example!r}")
    if own_path in f"{match['path']}/":
        raise ConfigurationError(
            f"{argument} is {shown(url)}: leave out the path of the API, which the client adds, as in {example!r}"
        )
    host = _host(url)
    if match["scheme"] == "http" and not is_loopback(host) and host not in insecure_hosts:
        raise ConfigurationError(
            f"{argument} is {shown(url)}: the API token would cross the network in the clear. Use https; plain http is "
            f"for an emulator on this machine. If you trust this network, pass insecure_hosts=[{host!r}]"
        )
    return url.rstrip("/")


def _is_host(host: str) -> bool:
    """Return whether the labels of a host have 1 to 63 characters, without which it can't be looked up."""
    return ":" in host or all(0 < len(label) <= LONGEST_LABEL for label in host.removesuffix(".").split("."))


def _host(url: str) -> str:
    match = re.fullmatch(_SERVICE_URL, url)
    return match["host"].strip("[]").lower() if match else ""


def check_hosts(insecure_hosts: object) -> frozenset[str]:
    """Return the hosts that may be reached over plain http; by default those in ADJUST_INSECURE_HOSTS."""
    argument = "insecure_hosts"
    is_default = isinstance(insecure_hosts, tuple) and not insecure_hosts
    if is_default and (listed := os.environ.get("ADJUST_INSECURE_HOSTS")):
        argument, insecure_hosts = "ADJUST_INSECURE_HOSTS", [name.strip() for name in listed.split(",") if name.strip()]
    if isinstance(insecure_hosts, (str, bytes)) or not isinstance(insecure_hosts, Iterable):
        raise ConfigurationError(f"{argument} is {shown(insecure_hosts)}: pass a list of host names")
    try:
        given = list(insecure_hosts)
    except TypeError:
        raise ConfigurationError(f"{argument} is {shown(insecure_hosts)}: pass a list of host names") from None
    hosts = []
    for host in given:
        bare = host.strip("[]") if isinstance(host, str) else ""
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]*", bare) and not _is_ipv6(bare):
            raise ConfigurationError(
                f"{argument} has {shown(host)}: pass only the host's name, without scheme, port or '*', such as "
                "'adjust-emulator'"
            )
        hosts.append(bare.lower())
    return frozenset(hosts)


def _is_ipv6(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).version == 6
    except ValueError:
        return False


def is_trusted(url: str, insecure_hosts: Iterable[str]) -> bool:
    """Return whether a URL leads to this machine, or to a host that may be reached over plain http."""
    return is_loopback(_host(url)) or _host(url) in insecure_hosts


def find_url(url: str | None, argument: str, example: str, own_path: str, insecure_hosts: Iterable[str]) -> str | None:
    """Return the checked URL that was passed, or else that of the environment; `None` if neither is set."""
    __tracebackhide__ = True
    if url is None:
        argument = f"ADJUST_{argument.upper()}"
        url = os.environ.get(argument) or None
    return None if url is None else _service_url(url, argument, example, own_path, insecure_hosts)
