"""A plug-in that cannot be loaded is named in a sentence."""

from importlib.metadata import EntryPoint

import pytest

from greenroom import installed as plugins
from greenroom.errors import SetupError
from greenroom.settings import Settings
from greenroom.supervisor.component import plugin_processes
from greenroom.supervisor.plugin_checks import plugin_checks


@pytest.mark.parametrize(
    ("group", "load"),
    [
        ("greenroom.processes", lambda: plugin_processes(Settings())),
        ("greenroom.checks", plugin_checks),
    ],
)
def test_a_plugin_that_does_not_load_is_named(monkeypatch, group, load):
    broken = EntryPoint("lost", "no_such_module:thing", group)
    monkeypatch.setattr(plugins, "entry_points", lambda group: [broken])
    with pytest.raises(
        SetupError, match=rf"no_such_module:thing \({group}\) cannot be loaded: Mod"
    ):
        load()
