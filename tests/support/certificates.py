"""A CA, and what it signed: for 127.0.0.1, as PEM files."""

import subprocess
from pathlib import Path


class Tls:
    """A CA, and what it signed."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.ca = self._make("ca", "-x509", "-subj", "/CN=ca")
        for name in ("server", "client"):
            self._sign(name)

    def file(self, name: str) -> str:
        return str(self._directory / name)

    def _make(self, name: str, *options: str) -> str:
        made = self.file(f"{name}.pem")
        self._openssl(
            "req", "-newkey", "rsa:2048", "-nodes", "-days", "2", *options,
            "-keyout", self.file(f"{name}.key"), "-out", made,
        )  # fmt: skip
        return made

    def _sign(self, name: str) -> None:
        request = self._make(name, "-subj", f"/CN={name}")
        (self._directory / "names").write_text("subjectAltName=IP:127.0.0.1")
        self._openssl(
            "x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.file("ca.key"),
            "-CAcreateserial", "-days", "2", "-extfile", self.file("names"),
            "-out", self.file(f"{name}.crt"),
        )  # fmt: skip
        both = (
            Path(self.file(f"{name}.crt")).read_text() + Path(self.file(f"{name}.key")).read_text()
        )
        Path(self.file(f"{name}-both.pem")).write_text(both)

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], check=True, capture_output=True)
