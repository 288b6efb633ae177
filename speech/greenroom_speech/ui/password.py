"""The password of the web page, without which it listens to this machine only."""

from greenroom_speech.settings import PageSettings

from greenroom.addresses import is_loopback
from greenroom.errors import SetupError


def page_password(settings: PageSettings) -> str | None:
    """Return what the page asks its visitors for; None: nothing.

    Raises SetupError when other machines can reach the page but there is no password.
    """
    if settings.ui_password is not None and settings.ui_password.get_secret_value():
        return settings.ui_password.get_secret_value()
    if not is_loopback(settings.ui_host):
        raise SetupError(
            f"GREENROOM_UI_HOST is {settings.ui_host}, so other machines can reach the web page, "
            "and it has no password; set GREENROOM_UI_PASSWORD."
        )
    return None
