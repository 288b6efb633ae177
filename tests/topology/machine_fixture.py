"""Where the parts of a test run: a folder that all users reach, addresses, and keys."""

import shutil

from own_ports import own_port, own_ports
from separate_part import FIRST_USER, SeparatePart, as_user

from greenroom.settings import PROJECT

TRITON_KEY = "the-key-of-triton"
ADMIN = "the-key-of-an-operator"
TRITONS, GATEWAYS, PAGES = "127.0.0.2", "127.0.0.3", "127.0.0.4"
PUPPET = PROJECT / "tests" / "reliability" / "models" / "puppet"
UNPINNED = {"pinned": False, "offload_after": -1}
POLICY = dict.fromkeys(("asr", "tokenizer", "tts", "puppet"), UNPINNED)


class Machine:
    """Makes the parts; `shared` is a folder of Triton's user that all may write to."""

    def __init__(self, folder, on_sockets=False):
        self.folder = folder
        metrics = {"triton_metrics_host": TRITONS}
        self.listens = metrics if on_sockets else {"triton_listen": TRITONS}
        self.found = metrics if on_sockets else {"triton_host": TRITONS}
        self.ports, self.page_port = own_ports(), own_port()
        self.shared = folder / "shared"
        self.shared.mkdir()
        self.shared.chmod(0o1777)
        if as_user(0):
            shutil.chown(self.shared, FIRST_USER, FIRST_USER)
        self.models = folder / "models"
        shutil.copytree(PROJECT / "model_repository", self.models)
        shutil.copytree(PUPPET, self.models / "puppet")

    def secrets(self, name, **values):
        """Return a folder of secrets, as Docker mounts them."""
        folder = self.folder / f"{name}-secrets"
        folder.mkdir(exist_ok=True)
        for setting, value in values.items():
            (folder / f"greenroom_{setting}").write_text(f"{value}\n")
        return folder

    def triton(self):
        return SeparatePart(
            "triton",
            self.folder / "triton",
            0,
            **self.ports,
            **self.listens,
            triton_key=TRITON_KEY,
            triton_exit_timeout=1,
            model_repository=self.models,
            ensemble_repository=PROJECT / "ensemble",
            shared_dir=self.shared,
        )

    def controller(self, user, key=TRITON_KEY, shared=None):
        """Return a controller of a user, who is 0 for the one that runs Triton."""
        return SeparatePart(
            "controller",
            self.folder / f"controller-{user}",
            user,
            **self.ports,
            host=GATEWAYS,
            **self.found,
            secrets_dir=self.secrets("controller", triton_key=key, api_keys=f"admin:{ADMIN}"),
            model_repository=self.models,
            ensemble_repository=PROJECT / "ensemble",
            shared_dir=shared or self.shared,
            policy=POLICY,
        )

    def page(self, password):
        return SeparatePart(
            "ui",
            self.folder / "page",
            2,
            **self.ports,
            ui=True,
            ui_port=self.page_port,
            ui_host=PAGES,
            ui_gateway=self.url,
            secrets_dir=self.secrets("page", ui_key=ADMIN, ui_password=password),
        )

    @property
    def url(self):
        return f"http://{GATEWAYS}:{self.ports['http_port']}"

    @property
    def page_url(self):
        return f"http://{PAGES}:{self.page_port}"
