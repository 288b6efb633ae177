"""Bytes as the page writes them."""


def size(count: int) -> str:
    """In GiB, MiB or KiB, whichever suits it."""
    if count >= 2**30:
        return f"{count / 2**30:.2f} GiB"
    return f"{count / 2**20:.0f} MiB" if count >= 2**20 or not count else f"{count / 2**10:.0f} KiB"
