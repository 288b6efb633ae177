"""Files at the address that their author publishes, named by their SHA-256."""

import httpx2

from greenroom.errors import PullFailed, SourceUnreachable
from greenroom_speech.checkpoints.digest import sha256
from greenroom_speech.checkpoints.releases import Release
from greenroom_speech.checkpoints.source import Listing, RemoteFile

ANSWER_SECONDS = 20.0


class OpenAIStorage:
    """OpenAI's own storage of the Whisper checkpoints."""

    name = "OpenAI"

    def has(self, release: Release) -> bool:
        return bool(release.urls)

    def listing(self, release: Release, revision: str | None) -> Listing:
        """Sizes are asked for; there are no revisions."""
        files = {
            file.path: RemoteFile(url, self._size(url), sha256(file.sha256))
            for file in release.files
            if file.sha256 and (url := release.urls[file.path])
        }
        first = next(iter(release.urls.values()))
        return Listing(f"https://{httpx2.URL(first).host}", None, files)

    def _size(self, url: str) -> int:
        try:
            answer = httpx2.head(url, follow_redirects=True, timeout=ANSWER_SECONDS)
        except httpx2.TransportError as error:
            raise SourceUnreachable(
                f"{self.name} ({httpx2.URL(url).host}) cannot be reached: {error}."
            ) from None
        if answer.status_code != httpx2.codes.OK or "Content-Length" not in answer.headers:
            kind = SourceUnreachable if answer.status_code >= 500 else PullFailed
            raise kind(f"{url} answered with status {answer.status_code}; it must give a file.")
        return int(answer.headers["Content-Length"])
