"""Suspects are sent again one at a time, and blamed for what they met alone."""

import asyncio
from functools import partial
from types import SimpleNamespace

import pytest
from tritonclient.grpc import service_pb2 as pb

from greenroom.controller.suspects import RequestForm, SentRequest, Suspects
from greenroom.errors import BackendDied, InvalidInput
from greenroom.gateway.disconnect import unless_left
from greenroom.gateway.request_form import message_form
from greenroom.settings import Settings


@pytest.fixture
def suspects(monkeypatch):
    """Each end is by a fault of the process of tts."""

    async def away():
        return False

    async def fault(sent, died):
        return "tts", "the process of model tts ended with SIGSEGV"

    suspects = Suspects(Settings(), away)
    monkeypatch.setattr(suspects, "_fault", fault)
    return suspects


@pytest.mark.parametrize("turns", range(8))
async def test_a_turn_of_who_leaves_as_it_comes_is_the_next_one_s(suspects, turns):
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def sent_again():
        watched = partial(unless_left, asyncio.Event().wait)
        async with suspects.sent_again(SentRequest("tts", None), BackendDied("tts"), watched):
            begun.set()
            await go_on.wait()

    first = asyncio.create_task(sent_again())
    await begun.wait()
    second = asyncio.create_task(sent_again())
    for _ in range(5):
        await asyncio.sleep(0)
    go_on.set()
    for _ in range(turns):
        await asyncio.sleep(0)
    second.cancel()
    await asyncio.wait({first, second})
    await sent_again()


def request_of(sender):
    return SentRequest("tts", RequestForm("127.0.0.1", sender, str, lambda: b"the same"))


@pytest.mark.parametrize("beside", ["nobody", "one that is there", "one that comes"])
async def test_a_second_end_that_may_be_another_s_does_not_count(suspects, beside):
    other, sent = SentRequest("tts", None), request_of("one")
    died = BackendDied("tts")

    async def sent_again():
        async with suspects.sent_again(sent, died, None):
            if beside == "one that is there":
                with suspects.sending(other, ("tts",)), suspects.sending(sent, ("tts",)):
                    raise died
            with suspects.sending(sent, ("tts",)):
                if beside == "one that comes":
                    with suspects.sending(other, ("tts",)):
                        pass
                with suspects.sending(SentRequest("asr", None), ("asr",)):
                    raise died

    with pytest.raises(BackendDied if beside != "nobody" else InvalidInput):
        await sent_again()
    suspects.check(request_of("another"))
    if beside == "nobody":
        with pytest.raises(InvalidInput, match="is not sent again for 10 minutes"):
            suspects.check(request_of("one"))
    else:
        suspects.check(request_of("one"))


def test_the_same_request_is_known_by_any_id_and_of_the_same_sender():
    def known_by(number, port=1, data=b"0"):
        message = pb.ModelInferRequest(model_name="tts", id=number, raw_input_contents=[data])
        context = SimpleNamespace(peer=lambda: f"ipv4:127.0.0.1:{port}")
        form = message_form(context, message, message.SerializeToString())
        return form.sender, form.content()

    assert known_by("1") == known_by("k" * 300, port=2) == known_by("", port=3)
    assert known_by("1") != known_by("1", data=b"1")
