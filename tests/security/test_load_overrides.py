"""A load may not bring code of its own, and no name but the repositories' reaches Triton."""

import base64
import json

import pytest
from tritonclient.utils import InferenceServerException

CONFIG = {"backend": "python", "max_batch_size": 0}
CODE = (
    b'open("%s", "w")\nclass TritonPythonModel:\n    def execute(self, requests):\n        pass\n'
)


@pytest.mark.parametrize("model", ["echo", "nobody"])
async def test_neither_config_nor_files_come_with_a_load(start, tmp_path, model):
    running = await start()
    ran = tmp_path / "ran"
    files = {"file:1/model.py": CODE % str(ran).encode()}
    for client in running.http, running.grpc:
        for more in {"config": json.dumps(CONFIG)}, {"config": json.dumps(CONFIG), "files": files}:
            with pytest.raises(InferenceServerException) as refused:
                await client.load_model(model, **more)
            assert "GREENROOM_ALLOW_LOAD_OVERRIDES=true allows them" in refused.value.message()
    path = f"/v2/repository/models/{model}/load"
    for name in "file:1/model.py", "config\0x", "config":
        value = base64.b64encode(files["file:1/model.py"]).decode()
        answer = await running.web.post(path, json={"parameters": {name: value}})
        assert answer.status_code == 403, answer.text
    assert not ran.exists()
    assert not running.stubs()


@pytest.mark.parametrize("allowed", [False, True])
async def test_a_name_that_no_repository_has_is_answered_here(start, allowed):
    running = await start(allow_load_overrides=allowed)
    more = {"config": json.dumps(CONFIG)} if allowed else {}
    for verb in "load", "unload":
        answer = await running.web.post(f"/v2/repository/models/nobody/{verb}")
        assert answer.status_code == 404
        assert "'nobody' is not in the model repositories" in answer.json()["error"]
    with pytest.raises(InferenceServerException) as unknown:
        await running.grpc.load_model("nobody", **more)
    assert unknown.value.status() == "StatusCode.NOT_FOUND"
    with pytest.raises(InferenceServerException) as unknown:
        await running.grpc.unload_model("nobody")
    assert unknown.value.status() == "StatusCode.NOT_FOUND"
    assert not running.count("nobody")  # what Triton is asked for, its log names
