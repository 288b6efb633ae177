"""What both clients and the command line assume unless told otherwise."""

import os

DEFAULT_URL = f"http://127.0.0.1:{os.environ.get('GREENROOM_HTTP_PORT') or 8000}"
"""The gateway of this machine, at the port where `greenroom up` puts it."""
DEFAULT_TIMEOUT = 600.0
"""Seconds to wait for an answer; a cold production model may take minutes to load."""
