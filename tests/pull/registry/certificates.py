"""A private authority and certificates that it signs, made by openssl."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.oracle_tools import need

__all__ = ["Authority", "Pair", "make_authority"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A certificate and its private key, both PEM files."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """Signs certificates into a directory."""

    directory: Path
    pair: Pair

    def sign(self, name: str, *, usage: str = "serverAuth") -> Pair:
        """Make a pair that is valid for 127.0.0.1 and localhost."""
        key, request = self.directory / f"{name}.key", self.directory / f"{name}.csr"
        certificate = self.directory / f"{name}.pem"
        extensions = self.directory / f"{name}.ext"
        extensions.write_text(
            f"subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage={usage}\n"
        )
        _openssl(
            *("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}"),
            *("-keyout", str(key), "-out", str(request)),
        )
        _openssl(
            *("x509", "-req", "-days", "2", "-in", str(request), "-extfile", str(extensions)),
            *("-CA", str(self.pair.certificate), "-CAkey", str(self.pair.key)),
            *("-CAcreateserial", "-out", str(certificate)),
        )
        return Pair(certificate=certificate, key=key)


def make_authority(directory: Path) -> Authority:
    """Make an authority whose files are in `directory`."""
    need("openssl")
    key, certificate = directory / "ca.key", directory / "ca.pem"
    _openssl(
        *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test CA"),
        *("-keyout", str(key), "-out", str(certificate)),
    )
    return Authority(directory=directory, pair=Pair(certificate=certificate, key=key))


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)
