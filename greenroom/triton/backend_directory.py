"""The folder in which Triton looks for backends: the right stub beside the Python backend."""

from pathlib import Path

from greenroom.errors import SetupError
from greenroom.triton.installation import STUB, Installation, python_of_stub
from greenroom.triton.python_library import VERSION


def backend_directory(installation: Installation, runtime: Path) -> Path | None:
    """Prepare the backend directory below the runtime folder and return it.

    None: the installation's own directory fits and is left alone. Links are made only
    where they are missing or point elsewhere. Raises SetupError if no stub fits.
    """
    stub = fitting_stub(installation)
    if stub is None or not installation.from_wheel:
        return None
    folder = runtime / "backends" / "python"
    folder.mkdir(parents=True, exist_ok=True)
    backend = installation.python_backend
    _link(folder / STUB, stub)
    for name in ("libtriton_python.so", "triton_python_backend_utils.py"):
        _link(folder / name, backend / name)
    return folder.parent


def fitting_stub(installation: Installation, python: str = VERSION) -> Path | None:
    """The stub for a Python; SetupError if there are only stubs for others.

    None: the layout is unknown (a wrapper, a build of one's own); such a server finds its
    backends by itself.
    """
    stub = installation.stub(python)
    if not stub.is_file():
        if installation.from_wheel:
            raise SetupError(f"{installation.root} has no Python backend stub for {python}.")
        return None
    made_for = python_of_stub(stub)
    if made_for not in (None, python):
        raise SetupError(
            f"{stub} is made for Python {made_for}, but Greenroom runs on {python}; "
            f"run Greenroom with Python {made_for}."
        )
    return stub


def _link(link: Path, target: Path) -> None:
    if link.is_symlink() and link.readlink() == target:
        return
    link.unlink(missing_ok=True)
    link.symlink_to(target)
