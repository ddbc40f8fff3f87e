"""Certificates for the tests, each of its own authority."""

from __future__ import annotations

import subprocess
from pathlib import Path


def certificate(directory: Path, name: str) -> Path:
    """A certificate of its own for a name, with its key in the same file."""
    file = directory / f"{name}.pem"
    command = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1")
    files = ("-keyout", f"{file}.key", "-out", str(file))
    subject = ("-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}")
    subprocess.run([*command, *files, *subject], check=True, capture_output=True)
    file.write_text(file.read_text() + Path(f"{file}.key").read_text())
    return file
