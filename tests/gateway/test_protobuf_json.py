"""Protobuf messages as JSON, the way Triton's HTTP shows them."""

import json

from tritonclient.grpc import model_config_pb2, service_pb2

from greenroom.gateway.protobuf_json import as_json


def test_integers_of_64_bits_stay_numbers():
    shown = as_json(service_pb2.ModelMetadataResponse.TensorMetadata(shape=[-1, 2**40]))
    assert shown["shape"] == [-1, 2**40]
    assert json.loads(json.dumps(shown)) == shown


def test_unset_numbers_and_texts_show_their_defaults_and_unset_messages_nothing():
    shown = as_json(model_config_pb2.ModelConfig(name="tts"))
    assert shown["name"] == "tts"
    assert shown["max_batch_size"] == 0
    assert shown["platform"] == ""
    assert shown["input"] == []
    assert "dynamic_batching" not in shown


def test_messages_lists_of_messages_and_enums_are_shown_by_name():
    config = model_config_pb2.ModelConfig()
    config.input.add(name="TEXT", data_type=model_config_pb2.TYPE_STRING, dims=[1])
    config.dynamic_batching.max_queue_delay_microseconds = 5
    shown = as_json(config)
    assert shown["input"][0]["data_type"] == "TYPE_STRING"
    assert shown["input"][0]["dims"] == [1]
    assert shown["dynamic_batching"]["max_queue_delay_microseconds"] == 5


def test_maps_are_shown_as_objects():
    config = model_config_pb2.ModelConfig()
    config.parameters["engine"].string_value = "embedded"
    step = config.ensemble_scheduling.step.add(model_name="tts")
    step.input_map["TEXT"] = "SAID"
    shown = as_json(config)
    assert shown["parameters"] == {"engine": {"string_value": "embedded"}}
    assert shown["ensemble_scheduling"]["step"][0]["input_map"] == {"TEXT": "SAID"}


def test_bytes_are_shown_as_text_whatever_they_are():
    tensor = service_pb2.InferTensorContents(bytes_contents=[b"words", b"\xff"])
    assert as_json(tensor)["bytes_contents"] == ["words", "�"]


def test_of_a_choice_that_is_unset_nothing_is_shown_that_json_can_not_hold():
    json.dumps(as_json(model_config_pb2.ModelConfig(ensemble_scheduling={})))
