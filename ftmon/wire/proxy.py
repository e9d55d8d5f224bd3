"""Which proxy the environment sets for a service, by curl's rules."""

from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass


def proxy_for(base_url: str) -> str | None:
    """Return the URL of the proxy for a service that is not on this machine, or None to ask it directly.

    Raises:
        ValueError: for a proxy's URL that cannot be used. Its message may repeat a password.
    """
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    proxies = {name: proxy.strip() for name, proxy in getproxies().items()}
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy or _is_exempt(host, parts.port, proxies.get("no", "")) or proxy_bypass(parts.netloc):
        return None
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    # Check the port now: httpx would check it only when it connects.
    _ = urlsplit(proxy).port
    return proxy


def _is_exempt(host: str, port: int | None, exempt: str) -> bool:
    """Whether `NO_PROXY` names a host: itself, a domain above it, a network around it, or `*`."""
    try:
        address = ip_address(host)
    except ValueError:
        address = None
    for name, its_port in _entries(exempt):
        if its_port is not None and its_port != port:
            continue
        if name == "*":
            return True
        if address is None:
            host, name = host.rstrip("."), name.strip(".")
            if name and (host == name or host.endswith(f".{name}")):
                return True
            continue
        try:
            network = ip_network(name, strict=False)
        except ValueError:
            continue
        if address in network:
            return True
    return False


def _entries(exempt: str) -> Iterator[tuple[str, int | None]]:
    """Yield each name, domain or network with its port, where it has one; IPv6 with or without brackets."""
    for entry in exempt.lower().replace(",", " ").split():
        name, colon, port = entry.rpartition(":")
        if colon and port.isdecimal() and (":" not in name or name.endswith("]")):
            yield name.strip("[]"), int(port)
        else:
            yield entry.replace("[", "").replace("]", ""), None
