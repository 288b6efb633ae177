"""One file over the wire: resumed where it stopped, verified before it gets its name."""

from pathlib import Path
from typing import BinaryIO

import httpx2
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.file_download import http_get

from greenroom.errors import PullFailed, SourceUnreachable
from greenroom_speech.checkpoints.source import RemoteFile


def partial(remote: RemoteFile, target: Path) -> Path:
    """Where an unfinished download lies.

    Its name carries the content's hash, so that only the same content is continued, be it from
    another source.
    """
    return target.with_name(f".{target.name}.{remote.digest.value[:16]}.part")


def bytes_to_come(remote: RemoteFile, target: Path) -> int:
    part = partial(remote, target)
    return max(remote.bytes - (part.stat().st_size if part.exists() else 0), 0)


def fetch(remote: RemoteFile, target: Path) -> None:
    """Fetch a file to its final name, which it gets once size and hash are right.

    Shows a progress bar on a terminal. What came before a break stays for the next call.
    Raises SourceUnreachable if the connection fails for good, PullFailed if the source
    refuses, the content is wrong (which is removed then) or the disk does not take it.
    """
    part = partial(remote, target)
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        with part.open("ab") as file:
            _receive(remote, file, target.name)
        right = part.stat().st_size == remote.bytes and remote.digest.matches(part)
        if right:
            part.replace(target)
        else:
            part.unlink()
    except OSError as error:
        raise PullFailed(f"{part} cannot be written: {error.strerror}.") from None
    if not right:
        raise PullFailed(
            f"{target.name} from {remote.url} is not the file of {remote.bytes} bytes with "
            f"{remote.digest.kind} hash {remote.digest.value}; it was removed, so pull again."
        )


def _receive(remote: RemoteFile, file: BinaryIO, name: str) -> None:
    try:
        # Of the library because it goes on where a connection breaks, within a run too;
        # its hf_hub_download starts a file anew with each run.
        http_get(
            remote.url,
            file,
            resume_size=file.tell(),
            headers={**remote.headers, "Accept-Encoding": "identity"},
            expected_size=remote.bytes,
            displayed_filename=name,
        )
    except HfHubHTTPError as error:
        status = error.response.status_code
        kind = SourceUnreachable if status >= 500 or status == 429 else PullFailed
        raise kind(f"{remote.url} answered with status {status}; it must give the file.") from None
    except httpx2.TransportError as error:
        raise SourceUnreachable(
            f"the connection for {remote.url} broke after {file.tell()} of {remote.bytes} bytes "
            f"({type(error).__name__}); pull again to continue from there."
        ) from None
    except OSError as error:
        if error.errno is not None:
            raise
        # The library's word for a wrong size; the caller looks at what is there.
