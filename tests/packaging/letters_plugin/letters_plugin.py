"""A process that serves a folder's files, a check, and a command."""

import shutil
from pathlib import Path

from greenroom.plugin import CheckResult, EnvironmentSettings, Listener, PluginProcess, Port


class FilesSettings(EnvironmentSettings):
    files_port: Port = 8765  # GREENROOM_FILES_PORT
    files_dir: Path = Path("/usr/share/doc")


def process(settings):
    files = FilesSettings()
    host, port, url = "127.0.0.1", files.files_port, f"http://127.0.0.1:{files.files_port}"
    served = ("-m", "http.server", "--bind", host, "--directory", str(files.files_dir), str(port))
    listeners = (Listener("GREENROOM_FILES_PORT", host, port),)
    return PluginProcess("files", served, url, shown=f"files {url}", listeners=listeners)


def machine(settings):
    yield CheckResult.ok("free disk", f"{shutil.disk_usage('/').free >> 30} GiB")


def commands(app):
    @app.command()
    def letters(text: str):
        """Count the letters of a text."""
        print(len(text))
