"""Triton and controller apart, as in containers, with Triton's sockets in the folder they share."""

import pytest
from separate_part import as_user

pytestmark = [pytest.mark.long, pytest.mark.asyncio(loop_scope="module")]
ON_SOCKETS = True
TRITONS_USER, ANOTHER = 0, 1


async def test_the_same_user_reaches_triton(controlled, web):
    await controlled(TRITONS_USER)
    answer = await web.post("/residency/puppet/load")
    assert (answer.status_code, answer.json()["residency"]) == (200, "hot"), answer.text


async def test_another_user_is_told_what_to_do(machine, triton):
    if not as_user(ANOTHER):
        pytest.skip("only root can start processes of several users")
    controller = machine.controller(ANOTHER)
    controller.begin()
    await controller.said(
        "triton.http belongs to another user; run both as one user, or set GREENROOM_"
    )
    await controller.stop()
    (machine.shared / "controller.lock").unlink()  # else it would keep the next user out
