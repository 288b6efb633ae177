"""`greenroom up` with the door in the controller's place; settings from the environment."""

import asyncio

from door import with_door

from greenroom.settings import Settings
from greenroom.supervisor import Service
from greenroom.supervisor.up import serve

if __name__ == "__main__":
    asyncio.run(serve(Service(Settings(), programs=with_door())))
