"""Who reaches Triton itself: on sockets nobody but its user, on an address who has the key."""

import asyncio
import os
import stat

import httpx
import psutil
import pytest
import tritonclient.grpc.aio as triton_grpc
from grpc.aio import AioRpcError
from tritonclient.utils import InferenceServerException

from greenroom.errors import SetupError
from greenroom.supervisor import TritonServer
from greenroom.triton.endpoints import endpoints
from greenroom.triton.key import GRPC_METADATA, HTTP_HEADER
from greenroom.triton.leftovers import regions

GUARDED = [
    ("GET", "/v2"),
    ("GET", "/v2/models/echo"),
    ("GET", "/v2/models/echo/config"),
    ("GET", "/v2/models/echo/stats"),
    ("POST", "/v2/repository/index"),
    ("POST", "/v2/repository/models/echo/load"),
    ("POST", "/v2/models/echo/infer"),
    ("POST", "/v2/models/echo/generate"),
    ("POST", "/v2/logging"),
    ("POST", "/v2/trace/setting"),
    ("POST", "/v2/systemsharedmemory/region/a/register"),
    ("POST", "/v2/cudasharedmemory/region/a/register"),
]
OPEN = ["/v2/health/live", "/v2/health/ready", "/v2/models/echo/ready"]
CALLS = [
    lambda client, headers: client.get_server_metadata(headers=headers),
    lambda client, headers: client.get_model_metadata("echo", headers=headers),
    lambda client, headers: client.get_model_config("echo", headers=headers),
    lambda client, headers: client.get_model_repository_index(headers=headers),
    lambda client, headers: client.load_model("echo", headers=headers),
    lambda client, headers: client.get_inference_statistics("echo", headers=headers),
    lambda client, headers: client.get_log_settings(headers=headers),
    lambda client, headers: client.get_trace_settings(headers=headers),
    lambda client, headers: client.register_system_shared_memory("a", "/a", 1, headers=headers),
    lambda client, headers: client.infer("echo", [], headers=headers),
]


async def test_only_its_user_opens_the_sockets(triton):
    server = psutil.Process(triton.pid)
    listening = [one.laddr.port for one in server.net_connections("tcp") if one.status == "LISTEN"]
    assert listening == [triton.settings.triton_metrics_port]
    assert triton.key not in " ".join(server.cmdline())
    for path in (triton.endpoints.http_socket, triton.endpoints.grpc_socket):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_only_its_user_reads_what_requests_leave_in_shared_memory(start):
    running = await start()
    await running.act("echo", "load")
    (region,) = regions(running.service.triton.prefix)
    assert stat.S_IMODE(region.stat().st_mode) == 0o600


async def test_sockets_go_with_triton_and_old_ones_do_not_stop_it(triton):
    sockets = triton.endpoints.http_socket, triton.endpoints.grpc_socket
    await triton.kill()
    assert not any(path.exists() for path in sockets)
    for path in sockets:
        path.touch()
    await triton.start()
    assert all(path.is_socket() for path in sockets)


async def test_a_long_path_falls_back_to_a_short_folder_of_this_user(free_settings, tmp_path):
    settings = free_settings(runtime_dir=tmp_path / ("r" * 90))
    async with TritonServer(settings) as server:
        assert endpoints(settings) == server.endpoints
        short = server.endpoints.http_socket.parent
    assert short != settings.runtime
    assert stat.S_IMODE(short.stat().st_mode) == 0o700
    short.chmod(0o755)
    with pytest.raises(SetupError, match=rf"{short} is not a folder of this user alone"):
        TritonServer(settings)
    short.rmdir()


async def test_a_socket_of_another_user_is_one_sentence(triton, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(os, "access", lambda path, mode: False)
        with pytest.raises(
            SetupError, match="belongs to another user; run both as one user, or set GREENR"
        ):
            triton.endpoints.check_sockets()


async def test_on_an_address_everything_but_health_wants_the_key(free_settings):
    async with (
        TritonServer(free_settings(triton_listen="127.0.0.1")) as server,
        httpx.AsyncClient(base_url=server.endpoints.http_url) as http,
        triton_grpc.InferenceServerClient(server.grpc_address) as grpc,
    ):
        await grpc.load_model("echo", headers={GRPC_METADATA: server.key})
        for path in OPEN:
            assert (await http.get(path)).status_code == 200
        assert await grpc.is_server_ready()
        for method, path in GUARDED:
            for headers in ({}, {HTTP_HEADER: "guessed"}):
                refused = await http.request(method, path, headers=headers, content=b"{}")
                assert refused.status_code == 403, path
            answer = await http.request(method, path, headers={HTTP_HEADER: server.key})
            assert answer.status_code != 403, path
        for call in CALLS:
            for headers in ({}, {GRPC_METADATA: "guessed"}):
                with pytest.raises(InferenceServerException, match="restricted"):
                    await call(grpc, headers)
        answers = grpc.stream_infer(_requests())
        with pytest.raises(AioRpcError, match="restricted"):
            await asyncio.wait_for(anext(aiter(answers)), 10)


async def _requests():
    await asyncio.Event().wait()  # it is refused before anything is sent
    yield {}
