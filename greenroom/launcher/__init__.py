"""Starts, watches and ends the processes of one Greenroom service."""

from greenroom.launcher.service import Service
from greenroom.launcher.triton_server import TritonServer

__all__ = ["Service", "TritonServer"]
