"""Whether others can reach what listens at an address."""

import ipaddress
import socket


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens there; a name may mean many addresses."""
    try:
        found = socket.getaddrinfo(host or "0.0.0.0", None, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return all(ipaddress.ip_address(str(address[0])).is_loopback for *_, address in found)
