"""Where the gateway listens, who may ask, and how much it takes."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from greenroom.settings.environment import EnvironmentSettings, Port
from greenroom.settings.names import HostNames, Origins


class GatewaySettings(EnvironmentSettings):
    """Read by the gateway."""

    host: str = Field("127.0.0.1", description="Address that the gateway listens on.")
    grpc_port: Port = Field(8001, description="Port of the gateway's gRPC API: KServe v2.")
    api_keys: SecretStr | None = Field(
        None,
        description="API keys, separated by commas, each written as inference:KEY or admin:KEY. "
        "Without any key, here or in the file, clients need none and only this machine is "
        "served.",
    )
    api_keys_file: Path | None = Field(
        None,
        description="File with more API keys, one per line. It is read once at the start.",
    )
    allowed_hosts: HostNames = Field(
        (),
        description="Host names, separated by commas, that clients may use for the gateway and "
        "the web page, in addition to IP addresses, localhost and the names in GREENROOM_HOST "
        "and GREENROOM_UI_HOST. Where no key or password is needed, other names are refused.",
    )
    allowed_origins: Origins = Field(
        (),
        description="Origins of web pages, separated by commas, such as https://studio.example, "
        "that may call the gateway and the web page and read the answers (CORS). If empty, only "
        "their own pages may.",
    )
    allow_load_overrides: bool = Field(
        False,
        description="Whether a load call may contain its own config and files. If true, anyone "
        "with an admin key can run code on this machine.",
    )
    shared_memory: bool = Field(
        False,
        description="Whether clients may register shared memory, system or CUDA, whose keys "
        "begin with greenroom-client-. A client that does so can crash Triton.",
    )
    max_request_bytes: int = Field(
        128 * 2**20, gt=0, lt=2**31, description="Largest body of one request, in bytes."
    )
    max_held_bytes: int = Field(
        512 * 2**20,
        gt=0,
        description="Largest total size, in bytes, of all requests that are being received, wait "
        "or run. Requests beyond it are refused.",
    )
    key_share: float = Field(
        0.5,
        gt=0,
        le=1,
        description="Largest share of each model's max_waiting, of max_held_bytes and of "
        "max_streams that the requests of one API key may take, where there are several keys. 1 "
        "lets one key take all.",
    )
    max_streams: int = Field(
        256, ge=0, description="gRPC streams that may be open at one time. 0 refuses them all."
    )
    stream_spare_seconds: float = Field(
        60.0,
        ge=0,
        description="Seconds that a stream of pieces may last, beyond twice the playing time of "
        "its pieces, while another model needs the memory.",
    )
    stream_untold_seconds: float = Field(
        600.0,
        ge=0,
        description="Seconds that a stream may last while another model needs the memory, if its "
        "pieces have no known playing time.",
    )
    max_connections: int = Field(
        1024,
        gt=0,
        description="Most open connections to each port of the gateway. Beyond that, a new HTTP "
        "connection replaces an idle one, or one whose headers are not complete, if there is one; "
        "otherwise new connections are refused.",
    )
    header_timeout: float = Field(
        30.0, gt=0, description="Seconds in which the headers of an HTTP request must arrive."
    )
    receive_timeout: float = Field(
        60.0,
        gt=0,
        description="Seconds without a byte after which a request that is being received is "
        "refused. Over gRPC, any byte of the connection counts. A gRPC stream in which no "
        "request is running ends after the same time.",
    )
    send_timeout: float = Field(
        60.0,
        gt=0,
        description="Seconds after which a client that reads nothing of its answer is cut off. "
        "Over gRPC, seconds for a whole message.",
    )
    drain_timeout: float = Field(
        60.0,
        ge=0,
        le=300,
        description="Seconds that running requests may take to finish when the service is "
        "stopped; those that take longer get 503. 0 disables waiting.",
    )
    request_log: str | None = Field(
        None,
        description="File that gets one line of JSON for each finished request, without texts, "
        "sounds or keys. - writes to the service's own log. If unset, there is no request log.",
    )
    request_log_bytes: int = Field(
        64 * 2**20,
        ge=0,
        description="Size in bytes at which the request log is rotated; four old files are kept. "
        "0 never rotates it.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Log level: DEBUG, INFO, WARNING or ERROR."
    )

    @property
    def held_of_key(self) -> int:
        """Bytes that one API key's requests may hold: its share, but one request in any case."""
        share = max(int(self.max_held_bytes * self.key_share), self.max_request_bytes)
        return min(share, self.max_held_bytes)

    def listening_on(self, port: int) -> str:
        """host:port of a door of the gateway, an IPv6 host in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{port}"
