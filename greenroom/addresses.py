"""How this machine reaches what listens on an address."""


def seen_from_here(host: str) -> str:
    """Return the address to connect to; what listens on all addresses is reached by loopback."""
    return "127.0.0.1" if host in ("0.0.0.0", "::") else host


def url(host: str, port: int) -> str:
    """Return the URL of what listens on a host and port."""
    here = seen_from_here(host)
    return f"http://[{here}]:{port}" if ":" in here else f"http://{here}:{port}"
