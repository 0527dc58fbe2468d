"""TLS at the socket: addresses become https, client certificates are read, plain bytes are not answered."""

from __future__ import annotations

import datetime as dt
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from gateway.protocols.http import HttpServer, Peer, Request, Response
from tests.gateway.protocols.wire import Wire, request_bytes


@pytest.fixture
def certificate(tmp_path: Path) -> Callable[[str], tuple[Path, Path]]:
    """Make self-signed certificates: (certificate, key) as PEM files."""

    def make(name: str) -> tuple[Path, Path]:
        key = ec.generate_private_key(ec.SECP256R1())
        organisation = x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Desk")
        subject = x509.Name([organisation, x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = dt.datetime.now(dt.UTC)
        made = (
            x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(hours=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, SHA256())
        )
        files = tmp_path / f"{name}.pem", tmp_path / f"{name}.key"
        files[0].write_bytes(made.public_bytes(Encoding.PEM))
        files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return files

    return make


@pytest.mark.asyncio
async def test_a_tls_client_is_served_and_its_certificate_named(
    certificate: Callable[[str], tuple[Path, Path]],
) -> None:
    server_files, client_files = certificate("localhost"), certificate("trader1")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(client_files[0]))
    tls.load_cert_chain(*server_files)
    tls.verify_mode = ssl.CERT_OPTIONAL
    peers: list[Peer] = []

    def remember(request: Request) -> Response:
        peers.append(request.peer)
        return Response(200, (), b"x" * 300_000)

    server = HttpServer(remember)
    port = await server.listen(tls=tls)
    try:
        for files in (None, client_files):
            client = ssl.create_default_context(cafile=str(server_files[0]))
            if files is not None:
                client.load_cert_chain(*files)
            async with await Wire.open(port, ssl=client, server_hostname="localhost") as wire:
                for _ in range(2):
                    await wire.send(request_bytes("GET", "/"))
                    assert len((await wire.answer()).body) == 300_000
        assert all(peer.secure for peer in peers)
        assert [peer.certificate_subject for peer in peers] == [None, None, "CN=trader1,O=Desk", "CN=trader1,O=Desk"]
        async with await Wire.open(port) as plain:
            await plain.send(request_bytes("GET", "/"))
            assert b"200" not in await plain.rest()
    finally:
        await server.close()
