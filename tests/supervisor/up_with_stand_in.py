"""`greenroom up` with a stand-in in the controller's place; settings from the environment."""

import asyncio

from stand_in import with_stand_in

from greenroom.settings import Settings
from greenroom.supervisor import Service
from greenroom.supervisor.up import serve

if __name__ == "__main__":
    asyncio.run(serve(Service(Settings(), programs=with_stand_in())))
