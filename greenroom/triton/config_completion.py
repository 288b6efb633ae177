"""Whether Triton completes the models' configs.

It does so for all models or for none, and then starts a second process for each load of a Python
model (1.35 s for a trivial one, instead of 0.11 s). So by default it does where a model needs it.
"""

from greenroom.settings import Settings
from greenroom.triton.repository import Repository


def completes_configs(settings: Settings) -> bool:
    """Triton is to be started with automatic completion."""
    if settings.auto_complete_config != "auto":
        return settings.auto_complete_config == "true"
    models = Repository(*settings.repositories).models.values()
    return not all(spec.complete for spec in models)
