"""Where the gateway listens, who may ask, and how much it takes."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from greenroom.settings.environment import EnvironmentSettings, Port
from greenroom.settings.names import HostNames, Origins


class GatewaySettings(EnvironmentSettings):
    """Read by the gateway."""

    host: str = Field("127.0.0.1", description="address the gateway listens on")
    grpc_port: Port = Field(8001, description="gateway gRPC: KServe v2")
    api_keys: SecretStr | None = Field(
        None,
        description="API keys, each inference:KEY or admin:KEY, commas between; with neither this "
        "nor a file nobody is asked for a key",
    )
    api_keys_file: Path | None = Field(
        None, description="file of more such keys, one a line; read once at the start"
    )
    allowed_hosts: HostNames = Field(
        (),
        description="names, commas between, by which the gateway and the web page are asked for, "
        "beside addresses, localhost and the name in GREENROOM_HOST or GREENROOM_UI_HOST; others "
        "are refused where no key or password is asked for",
    )
    allowed_origins: Origins = Field(
        (),
        description="origins of web pages, such as https://studio.example, commas between, that "
        "may ask the gateway and the web page and read the answers (CORS); empty: none but "
        "their own",
    )
    max_request_bytes: int = Field(
        128 * 2**20, gt=0, lt=2**31, description="bytes of one request's body"
    )
    max_held_bytes: int = Field(
        512 * 2**20,
        gt=0,
        description="bytes of all requests that are being received, wait or run at one time",
    )
    max_streams: int = Field(
        256, ge=0, description="gRPC streams that may be open at one time; 0 none"
    )
    receive_timeout: float = Field(
        120.0, gt=0, description="seconds a request's head, and then its body, may take to arrive"
    )
    drain_timeout: float = Field(
        2.0,
        ge=0,
        le=300,
        description="seconds that running requests may take when the service is told to end; "
        "0 none",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="DEBUG, INFO, WARNING or ERROR"
    )

    def listening_on(self, port: int) -> str:
        """Return host:port of a door of the gateway, an IPv6 host in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{port}"
