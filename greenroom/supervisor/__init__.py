"""Starts, watches and ends the processes of one Greenroom service."""

from greenroom.supervisor.service import Service
from greenroom.supervisor.triton_server import TritonServer

__all__ = ["Service", "TritonServer"]
