"""Run in a mount namespace of its own: what the routes answer on a disk of 64 KiB."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

from voices_app import Sentences, VoicesApp, lying, sound


async def main(folder: Path) -> None:
    log = Sentences()
    app = VoicesApp(folder)
    told = {}

    async def ask(what, call):
        answer = await call
        error = answer.json().get("error", {}).get("message", "")
        told[what] = [answer.status_code, error, lying(folder)]

    await ask("save", app.save("kept"))
    await ask("too large", app.save("large", sound(seconds=4)))
    with (folder / ".filler").open("wb", buffering=0) as file:
        try:
            while file.write(b"x" * 4096):
                pass
        except OSError:
            pass
    await ask("save on a full disk", app.save("small"))
    await ask("correct", app.web.patch("/v1/voices/kept", json={"transcript": "other words"}))
    await ask("read", app.web.get("/v1/voices/kept"))
    await ask("delete", app.web.delete("/v1/voices/kept"))
    print(json.dumps({"told": told, "log": log.said}))


FOLDER = Path(sys.argv[1])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", FOLDER], check=True)
asyncio.run(main(FOLDER))
