"""Byte code of the model repositories, written before Triton looks at them.

Python writes ``__pycache__`` into a version folder at the first load; Triton then takes the
model for changed and starts a second process beside the first one at the next load.
"""

import compileall
from pathlib import Path

from greenroom.errors import SetupError


def compile_repositories(*repositories: Path) -> None:
    """Compile all Python files of the repositories, where that has not been done.

    A file with a syntax error is left to Triton, which reports it when its model is loaded. A
    repository that cannot be written to needs no byte code, since no load can change it either.
    Raises SetupError for a repository that is not a folder.
    """
    for repository in repositories:
        if not repository.is_dir():
            raise SetupError(f"The model repository {repository} is not a folder.")
        compileall.compile_dir(repository, quiet=2)
