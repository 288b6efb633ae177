"""Addresses to listen on: how this machine reaches them, and whether others can."""

import ipaddress
import socket
from pathlib import Path

import aiohttp


def seen_from_here(host: str) -> str:
    """What listens on all addresses is reached by loopback."""
    return "127.0.0.1" if host in ("0.0.0.0", "::") else host


def url(host: str, port: int) -> str:
    here = seen_from_here(host)
    return f"http://[{here}]:{port}" if ":" in here else f"http://{here}:{port}"


def is_loopback(host: str) -> bool:
    """False for a name with any address that other machines can reach."""
    try:
        found = socket.getaddrinfo(host or "0.0.0.0", None, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return all(ipaddress.ip_address(str(address[0])).is_loopback for *_, address in found)


def connector(through: Path | None) -> aiohttp.BaseConnector:
    """Through a unix socket if one is given, else wherever the session's URLs lead.

    As many connections as there are requests; to be made inside an event loop.
    """
    if through is None:
        return aiohttp.TCPConnector(limit=0)
    return aiohttp.UnixConnector(str(through), limit=0)
