"""What is drawn once into the runtime folder: it stays, and nothing else is ever taken for it."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from greenroom.create_once import drawn_once
from greenroom.errors import SetupError
from greenroom.supervisor.only_supervisor import only_supervisor, running_components
from greenroom.triton import leftovers
from greenroom.triton.key import triton_key
from greenroom.triton.region_prefix import region_prefix
from greenroom.triton.restart_request import asked_for_restart

GARBAGE = [b"", b"\0" * 26, b"\xff\xfe\x80", b"g", b"greenroom-", b"/", b"a\nb", b"9" * 400]
FORMS = {
    region_prefix: ("region.prefix", r"greenroom-[0-9a-f]{12}-"),
    triton_key: ("triton.key", r"[\w-]{43}"),
}


@pytest.mark.parametrize("content", GARBAGE)
@pytest.mark.parametrize("read", FORMS)
def test_what_has_not_the_form_is_drawn_anew_with_a_warning(free_settings, caplog, read, content):
    name, form = FORMS[read]
    settings = free_settings()
    settings.runtime.mkdir()
    (settings.runtime / name).write_bytes(content)
    drawn = read(settings)
    assert re.fullmatch(form, drawn)
    assert f"{settings.runtime / name} is damaged: a new one is created" in caplog.text
    assert read(settings) == drawn
    assert [path.name for path in settings.runtime.iterdir()] == [name]


def test_all_who_draw_at_one_time_get_one_value(tmp_path):
    path, form, values = tmp_path / "drawn", re.compile("[0-9]+"), iter(range(100))
    path.touch()
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: drawn_once(path, form, lambda: f"{next(values)}"), range(8)))
    assert len(found) == 1


def test_what_can_not_be_read_is_one_sentence(free_settings):
    settings = free_settings()
    (settings.runtime / "triton.key").mkdir(parents=True)
    with pytest.raises(SetupError, match=r"triton\.key cannot be read or written \(Is a dir"):
        triton_key(settings)


@pytest.mark.parametrize("content", GARBAGE)
def test_a_pid_file_without_a_pid_is_no_supervisor(free_settings, content):
    settings = free_settings()
    with only_supervisor(settings, ["triton"]):
        (settings.runtime / "supervisor-triton.pid").write_bytes(content)
        assert running_components(settings) == {}
        with (
            pytest.raises(SetupError, match="pid unknown"),
            only_supervisor(settings, ["triton"]),
        ):
            pass


@pytest.mark.parametrize("content", GARBAGE)
async def test_a_request_for_a_restart_is_one_printable_line(free_settings, content):
    settings = free_settings()
    settings.runtime.mkdir()
    (settings.runtime / "triton.restart").write_bytes(content)
    assert (await asked_for_restart(settings)).isprintable()
    assert not (settings.runtime / "triton.restart").exists()


PREFIXES = ["", "g", "greenroom-", "greenroom-0123456789a-", "greenroom-0123456789ab", "*", "/"]


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize(
    "look", [leftovers.regions, leftovers.stubs, leftovers.servers, leftovers.clear_leftovers]
)
def test_nothing_is_looked_for_with_a_prefix_that_others_may_have(look, prefix):
    with pytest.raises(ValueError, match="is no prefix of regions"):
        look(prefix)
