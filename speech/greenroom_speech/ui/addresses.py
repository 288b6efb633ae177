"""Whose a client's address is."""

import ipaddress
from functools import lru_cache


@lru_cache(1024)
def network(address: str) -> str:
    """What one household has: an IPv4 address, or the /64 network of an IPv6 one."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    return (
        str(found) if found.version == 4 else str(ipaddress.ip_network((found, 64), strict=False))
    )
