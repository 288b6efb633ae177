"""Hugging Face, asked with its own library; HF_ENDPOINT and HF_TOKEN count."""

import httpx2
from huggingface_hub import HfApi, hf_hub_url
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled
from huggingface_hub.hf_api import RepoSibling
from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

from greenroom.errors import PullFailed, SourceUnreachable
from greenroom_speech.checkpoints.digest import Digest, sha256
from greenroom_speech.checkpoints.releases import Release
from greenroom_speech.checkpoints.source import Listing, RemoteFile

ANSWER_SECONDS = 20.0


class HuggingFace:
    """Lists a repository at one commit, so that all files belong together."""

    name = "Hugging Face"

    def __init__(self) -> None:
        self._api = HfApi()

    def has(self, release: Release) -> bool:
        return release.huggingface is not None

    def listing(self, release: Release, revision: str | None) -> Listing:
        repository = str(release.huggingface)
        try:
            info = self._api.model_info(
                repository, revision=revision, files_metadata=True, timeout=ANSWER_SECONDS
            )
        except HfHubHTTPError as error:
            status = error.response.status_code
            if status >= 500 or status == 429:
                raise SourceUnreachable(f"{self.name} answered with status {status}.") from None
            raise PullFailed(
                f"{self.name} does not have {repository} at revision {revision or 'main'!r}: "
                f"status {status}."
            ) from None
        except (httpx2.TransportError, OfflineModeIsEnabled) as error:
            raise SourceUnreachable(
                f"{self.name} ({self._api.endpoint}) cannot be reached: {error}."
            ) from None
        except (ValueError, TypeError, KeyError):
            raise SourceUnreachable(
                f"{self.name} ({self._api.endpoint}) does not answer like a model hub."
            ) from None
        commit = str(info.sha)
        headers = build_hf_headers()
        files = {
            file.rfilename: RemoteFile(
                hf_hub_url(
                    repository, file.rfilename, revision=commit, endpoint=self._api.endpoint
                ),
                file.size,
                digest,
                headers,
            )
            for file in info.siblings or []
            if file.size is not None and (digest := _digest(file)) is not None
        }
        return Listing(f"{self._api.endpoint}/{repository}", commit, files)


def _digest(file: RepoSibling) -> Digest | None:
    """Large files are named by their content's SHA-256, the others by git."""
    if file.lfs is not None:
        return sha256(file.lfs.sha256)
    return Digest("git", file.blob_id) if file.blob_id else None
