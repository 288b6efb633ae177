"""The verb that proves on the user's own machine that models come and go as they should."""

import asyncio
import json
import signal
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from greenroom_client.cli import options
from greenroom_client.cli.progress import Phase
from greenroom_client.cli.session import Session
from greenroom_client.cli.shown import printable
from greenroom_client.cli.verify_view import verify_view
from greenroom_client.defaults import DEFAULT_URL

if TYPE_CHECKING:
    from greenroom_client.async_client import AsyncClient
    from greenroom_client.verify.verify_result import VerifyResult


def verify(
    model: Annotated[
        str,
        typer.Option(
            "--model", "-m", help="The model to verify. It must be one that can be offloaded."
        ),
    ] = "tts",
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
    url: options.Url = DEFAULT_URL,
    api_key: options.ApiKey = None,
    quiet: options.Quiet = False,
) -> None:
    """Check that a model loads, leaves and comes back as it should.

    Makes five checks on the running server and prints expected against measured: first load,
    offload after a task, restore, idle monitor, manual control. The model leaves the GPU
    several times during this. At the end, and after Ctrl-C, it is put back as it was. Needs an
    admin key, if the server has keys. Exits with 1 if a check fails.
    """
    from greenroom_client.verify.verify_result import Outcome

    stages = _Stages(model)
    session = Session(url, api_key, quiet)
    try:
        results, left = session.run(lambda client: _verified(client, model, stages), stages)
    except asyncio.CancelledError:  # SIGTERM
        raise typer.Exit(128 + signal.SIGTERM) from None
    if as_json:
        rows = [result.as_json() for result in results]
        typer.echo(json.dumps({"model": model, "checks": rows, "not_as_found": left}))
    else:
        Console().print(verify_view(results))
        if left:
            typer.echo(f"greenroom: {printable(left)}", err=True)
    if left or any(result.outcome is not Outcome.PASSED for result in results):
        raise typer.Exit(1)


async def _verified(
    client: "AsyncClient", model: str, stages: "_Stages"
) -> tuple[list["VerifyResult"], str | None]:
    from greenroom_client.verify.verification import verify as verification  # imports numpy

    task = asyncio.current_task()
    assert task
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await verification(client, model, stages.begin)


class _Stages:
    """Tells which check runs, for how long, and where the model is."""

    def __init__(self, model: str) -> None:
        self._model = model
        self.begin("looking")

    def begin(self, name: str) -> None:
        self._name, self._begun = name, time.monotonic()

    def of(self, models: Mapping[str, Any]) -> Phase:
        shown = models.get(self._model)
        where = f": {self._model} is {shown['residency']}" if isinstance(shown, dict) else ""
        return Phase(f"{self._name}{where}", time.monotonic() - self._begun)
