"""`greenroom up` with the door in the controller's place; settings from the environment."""

import asyncio

from door import with_door

from greenroom.cli.foreground import serve
from greenroom.config import Settings
from greenroom.launcher import Service

if __name__ == "__main__":
    asyncio.run(serve(Service(Settings(), programs=with_door())))
