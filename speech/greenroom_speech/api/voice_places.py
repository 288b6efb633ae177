"""Which place the settings choose for the saved voices."""

from importlib.util import find_spec

from greenroom.errors import SetupError
from greenroom_speech.api.voice_place import VoicePlace
from greenroom_speech.api.voices_on_disk import VoicesOnDisk
from greenroom_speech.settings import VoiceSettings


def voices_place(settings: VoiceSettings) -> VoicePlace:
    """Raises SetupError where the package for object stores is missing."""
    if settings.voices_url is None:
        return VoicesOnDisk(settings.voices_folder)
    if find_spec("obstore") is None:
        raise SetupError(
            "GREENROOM_VOICES_URL needs the package obstore; install it with "
            "pip install 'greenroom-speech[object-store]'."
        )
    from greenroom_speech.api.voices_in_bucket import VoicesInBucket

    return VoicesInBucket.at(settings.voices_url)
