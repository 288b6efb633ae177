"""Fetching releases into the folder of all models."""

import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

from filelock import FileLock, Timeout

from greenroom.errors import PullFailed, SourceUnreachable
from greenroom_speech.checkpoints.digest import sha256
from greenroom_speech.checkpoints.manifest import Manifest
from greenroom_speech.checkpoints.releases import Release, ReleasedFile
from greenroom_speech.checkpoints.source import Listing, RemoteFile, Source
from greenroom_speech.checkpoints.transfer import bytes_to_come, fetch

SPARE_BYTES = 256 * 2**20
"""What a pull leaves free on the disk."""

_RemoteFiles = Mapping[ReleasedFile, RemoteFile]


class Pull:
    """One run into one folder: what is there and verified is left alone, the rest is fetched.

    ``sources`` are asked in order, the next one where one has nothing or breaks off. ``revision``
    None leaves files of an earlier pull as they are, and takes of the others the newest if
    they agree with the table of released files; a named revision is asked for, whatever
    folder and table say. ``tell`` gets a line per thing done.
    """

    def __init__(
        self,
        folder: Path,
        sources: Sequence[Source],
        revision: str | None,
        tell: Callable[[str], None],
    ) -> None:
        self._folder = folder
        self._sources = sources
        self._revision = revision
        self._tell = tell
        self._faults: dict[str, list[str]] = defaultdict(list)

    def run(self, releases: Sequence[Release]) -> None:
        """Fetch what is missing.

        Raises PullFailed if something cannot be had, and if the disk has too little room:
        that before anything is fetched.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with FileLock(self._folder / ".pull.lock", timeout=0):
                self._pull(releases)
        except Timeout:
            raise PullFailed(f"Another pull into {self._folder} is running.") from None
        except OSError as error:
            raise PullFailed(f"{self._folder} cannot be written: {error.strerror}.") from None

    def _pull(self, releases: Sequence[Release]) -> None:
        self._manifest = Manifest(self._folder)
        wanted = [(one, files) for one in releases if (files := self._missing(one))]
        listings = [self._listings(release) for release, _ in wanted]
        first = [next(each) for each in listings]
        self._check_room(wanted, first)
        for (release, files), listing, others in zip(wanted, first, listings, strict=True):
            self._take(release, files, chain([listing], others))
        self._tell(f"{self._folder} has all {sum(len(one.files) for one in releases)} files.")

    def _missing(self, release: Release) -> list[ReleasedFile]:
        return [file for file in release.files if not self._is_settled(release.location(file))]

    def _is_settled(self, location: str) -> bool:
        pulled, path = self._manifest.get(location), self._folder / location
        if self._revision or pulled is None or not path.is_file():
            return False
        return path.stat().st_size == pulled.bytes

    def _listings(self, release: Release) -> Iterator[Listing]:
        """What each source has, in order; who has used up all of them gets a PullFailed."""
        faults = self._faults[release.name]
        for source in self._sources:
            if source.has(release):
                try:
                    yield source.listing(release, self._revision)
                except PullFailed as error:
                    faults.append(str(error))
        raise PullFailed(" ".join(faults) or f"None of the sources has {release.name}.")

    def _check_room(
        self, wanted: Sequence[tuple[Release, list[ReleasedFile]]], listings: Sequence[Listing]
    ) -> None:
        needed = SPARE_BYTES
        for (release, files), listing in zip(wanted, listings, strict=True):
            for file, remote in self._remote_files(files, listing).items():
                target = self._folder / release.location(file)
                if not _has_size(target, remote.bytes):
                    needed += bytes_to_come(remote, target)
        free = shutil.disk_usage(self._folder).free
        if needed > free:
            raise PullFailed(
                f"{self._folder} has {_gb(free)} free, but {_gb(needed)} are needed for the "
                f"download with some to spare."
            )

    def _take(
        self, release: Release, files: list[ReleasedFile], listings: Iterator[Listing]
    ) -> None:
        for listing in listings:
            try:
                for file, remote in self._remote_files(files, listing).items():
                    self._settle(release.location(file), remote, listing)
            except SourceUnreachable as error:
                self._faults[release.name].append(str(error))
                files = self._missing(release)
            else:
                return

    def _remote_files(self, files: Sequence[ReleasedFile], listing: Listing) -> _RemoteFiles:
        return {file: self._remote_file(file, listing) for file in files}

    def _remote_file(self, file: ReleasedFile, listing: Listing) -> RemoteFile:
        remote = listing.files.get(file.path)
        at = f" at revision {listing.revision}" if listing.revision else ""
        if remote is None:
            raise PullFailed(f"{listing.source} has no file {file.path}{at}.")
        if self._revision is None and not _is_released(file, remote):
            raise PullFailed(
                f"{listing.source} has a {file.path}{at} of {remote.bytes} bytes with "
                f"{remote.digest}, but the released file has other contents "
                f"({file.bytes or '?'} bytes, "
                f"SHA-256 {file.sha256 or '?'}); give a --revision to fetch it anyway."
            )
        return remote

    def _settle(self, location: str, remote: RemoteFile, listing: Listing) -> None:
        target = self._folder / location
        if _has_size(target, remote.bytes) and remote.digest.matches(target):
            self._tell(f"{location}: is there.")
        else:
            fetch(remote, target)
            self._tell(f"{location}: {_gb(remote.bytes)} from {listing.source}, verified.")
        self._manifest.add(location, remote.bytes, remote.digest, listing.source, listing.revision)


def _is_released(file: ReleasedFile, remote: RemoteFile) -> bool:
    if file.bytes is not None and file.bytes != remote.bytes:
        return False
    return file.sha256 is None or remote.digest == sha256(file.sha256)


def _has_size(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


def _gb(size: float) -> str:
    return f"{size / 1e9:.2f} GB" if size >= 1e7 else f"{size / 1e3:.1f} kB"
