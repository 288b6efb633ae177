"""What both clients and the command line assume unless told otherwise."""

DEFAULT_URL = "http://127.0.0.1:8000"
DEFAULT_TIMEOUT = 600.0
"""Seconds to wait for an answer; a cold production model may take minutes to load."""
