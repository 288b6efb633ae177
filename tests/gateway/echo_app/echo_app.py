"""An app for Greenroom: POST /echo takes a JSON list of numbers and lets a model answer it."""

import numpy as np
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from greenroom.plugin import ERROR_HANDLERS, App, Gateway


def start(gateway: Gateway) -> Starlette:
    async def echo(request: Request) -> JSONResponse:
        samples = np.array(await request.json(), np.float32)
        async with gateway.lease("echo") as lease:
            answer = await lease.infer("echo", {"INPUT": samples})
        return JSONResponse(answer["OUTPUT"].tolist(), headers={"X-Start": lease.start})

    routes = [Route("/echo", echo, methods=["POST"])]
    return Starlette(routes=routes, exception_handlers=ERROR_HANDLERS)


APP = App(name="echo", start=start, paths=["/echo"], models={"/echo": "echo"})
