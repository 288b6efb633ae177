"""ModelScope, asked with its own library; MODELSCOPE_ENDPOINT counts."""

import requests
from modelscope_hub.api import HubApi
from modelscope_hub.config import HubConfig
from modelscope_hub.errors import APIError, HubError, NetworkError, RateLimitError, ServerError

from greenroom.errors import PullFailed, SourceUnreachable
from greenroom_speech.checkpoints.digest import sha256
from greenroom_speech.checkpoints.releases import Release
from greenroom_speech.checkpoints.source import Listing, RemoteFile

NEWEST = "master"


class ModelScope:
    """Lists a repository at a branch, tag or commit."""

    name = "ModelScope"

    def __init__(self) -> None:
        self._api = HubApi(HubConfig())

    def has(self, release: Release) -> bool:
        return release.modelscope is not None

    def listing(self, release: Release, revision: str | None) -> Listing:
        repository, revision = str(release.modelscope), revision or NEWEST
        client = self._api.legacy
        try:
            listed = self._api.list_repo_files(repository, "model", revision=revision)
        except (NetworkError, ServerError, RateLimitError, requests.RequestException):
            raise SourceUnreachable(f"{self.name} ({client.endpoint}) does not answer.") from None
        except HubError as error:
            status = f": status {error.status_code}" if isinstance(error, APIError) else ""
            raise PullFailed(
                f"{self.name} does not have {repository} at revision {revision!r}{status}."
            ) from None
        files = {
            file.path: RemoteFile(
                client.get_download_url(repository, "model", file.path, revision),
                file.size,
                sha256(file.sha256),
            )
            for file in listed
            if file.sha256 and not file.is_dir
        }
        return Listing(f"{client.endpoint}/models/{repository}", revision, files)
