"""TLS out of the files that an operator has."""

from __future__ import annotations

import ssl


class TlsError(ValueError):
    """The files do not make a TLS context; the text is one sentence."""


def tls_context(
    ca_file: str | None, cert_file: str | None = None, key_file: str | None = None
) -> ssl.SSLContext:
    """A context that trusts the CA (None: those of the system) and shows a certificate, if one is
    given; all files are PEM. Servers' names are checked. Raises TlsError."""
    if key_file is not None and cert_file is None:
        raise TlsError(f"{key_file} is the key of a certificate, which is not given")
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise TlsError(f"the CA certificate {ca_file} cannot be used: {error}") from error
    if cert_file is not None:
        try:
            context.load_cert_chain(cert_file, key_file)
        except (OSError, ssl.SSLError) as error:
            raise TlsError(f"the certificate {cert_file} cannot be used: {error}") from error
    return context
