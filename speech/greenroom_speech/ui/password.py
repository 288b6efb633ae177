"""The password of the web page, without which it listens to this machine only."""

from greenroom.plugin import SetupError, is_loopback
from greenroom_speech.settings import PageSettings

LEAST_CHARACTERS = 12


def page_password(settings: PageSettings) -> str | None:
    """What the page asks its visitors for; None: nothing.

    Raises SetupError when the password is short, or when other machines can reach the page but
    there is none.
    """
    password = settings.ui_password.get_secret_value() if settings.ui_password else ""
    if 0 < len(password) < LEAST_CHARACTERS:
        raise SetupError(
            f"GREENROOM_UI_PASSWORD has {len(password)} characters; it must have at least "
            f"{LEAST_CHARACTERS}."
        )
    if password:
        return password
    if not is_loopback(settings.ui_host):
        raise SetupError(
            f"GREENROOM_UI_HOST is {settings.ui_host}, so other machines can reach the web page, "
            "but it has no password; set GREENROOM_UI_PASSWORD."
        )
    return None
