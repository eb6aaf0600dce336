"""Debian's docker-registry on a free loopback port, for as long as a test needs it.

    with running_registry(tmp_path) as registry:
        push(registry, "oci:.images/real:two", "real:two")
        ...  # f"{registry.address}/real:two" can be pulled

`settings` go to the server as environment variables, which can set every option of the server:
`{"REGISTRY_AUTH_HTPASSWD_PATH": ..., "REGISTRY_AUTH_HTPASSWD_REALM": ...}`, or
`{"REGISTRY_HTTP_TLS_CERTIFICATE": ..., "REGISTRY_HTTP_TLS_KEY": ...}`.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.oracle_tools import need

__all__ = ["Registry", "push", "running_registry"]

CONFIG = """\
version: 0.1
log: {{level: info, accesslog: {{disabled: false}}}}
storage:
  filesystem: {{rootdirectory: {storage}}}
  delete: {{enabled: true}}
http: {{addr: "127.0.0.1:{port}"}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """A running server: its `host:port`, where it keeps blobs, and its log with every request."""

    address: str
    storage: Path
    log: Path

    def requests(self) -> list[str]:
        """List what has been asked so far, as `METHOD /path STATUS`, oldest first."""
        found = []
        for line in self.log.read_text(errors="replace").splitlines():
            parts = line.split('"')  # Apache's combined format: host - - [time] "request" status
            if len(parts) > 2 and " HTTP/" in parts[1]:
                method, path, _ = parts[1].split(" ", 2)
                found.append(f"{method} {path} {parts[2].split()[0]}")
        return found


@contextmanager
def running_registry(
    directory: Path, settings: Mapping[str, str] | None = None
) -> Iterator[Registry]:
    """Run a registry that keeps everything below `directory`; it ends with the block."""
    need("docker-registry")
    storage, log = directory / "registry", directory / "registry.log"
    storage.mkdir(parents=True, exist_ok=True)
    port = _free_port()
    config = directory / "registry.yml"
    config.write_text(CONFIG.format(storage=storage, port=port))
    environ = {"PATH": os.environ["PATH"], "OTEL_TRACES_EXPORTER": "none", **(settings or {})}
    with log.open("ab") as output:
        server = subprocess.Popen(
            ["docker-registry", "serve", str(config)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environ,
        )
    try:
        _wait_for(port, server, log)
        yield Registry(address=f"127.0.0.1:{port}", storage=storage, log=log)
    finally:
        server.terminate()
        server.wait()


def push(registry: Registry, source: str, name: str, *options: str) -> None:
    """Copy an image that skopeo can read, such as `oci:DIR:TAG`, to `name` (`repository:tag`)."""
    need("skopeo")
    target = f"docker://{registry.address}/{name}"
    command = ["skopeo", "copy", "--quiet", "--insecure-policy", "--dest-tls-verify=false"]
    subprocess.run([*command, *options, source, target], check=True, stdin=subprocess.DEVNULL)


def _free_port() -> int:
    """Ask the kernel for a port that nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    """Return once the server accepts connections; 30 seconds are plenty."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and server.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    message = f"docker-registry does not answer: {log.read_text(errors='replace')[-2000:]}"
    raise RuntimeError(message)
