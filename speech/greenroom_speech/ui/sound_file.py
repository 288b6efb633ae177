"""A sound in memory as players ask for it."""

import re

from fastapi.responses import Response

from greenroom_speech.ui.clips import Sound

SOUND = "/sound"
"""Path of the sounds, each below it by its token."""
_RANGE = re.compile(r"bytes=(\d{1,12})-(\d{0,12})", re.ASCII)


def sound_file(sound: Sound, wanted: str) -> Response:
    """All of it or the bytes that `wanted`, a header Range, names: those after which one seeks."""
    content, size = sound.content, len(sound.content)
    headers = {
        "Accept-Ranges": "bytes",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    status = 200
    if part := _RANGE.fullmatch(wanted):
        begin, end = int(part[1]), min(int(part[2] or size), size - 1)
        if begin > end:
            return Response(status_code=416, headers={"Content-Range": f"bytes */{size}"})
        headers["Content-Range"] = f"bytes {begin}-{end}/{size}"
        content, status = content[begin : end + 1], 206
    return Response(content, status, headers, sound.media_type)
