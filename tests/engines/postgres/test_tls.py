"""TLS as the connection's settings say: with the root certificate that is named, and not with another."""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from penstock.devdb.building.tools import connection_environment
from penstock.engines.postgres import checks
from penstock.engines.postgres.clients import does_tls
from penstock.engines.postgres.embedded import server_account
from penstock.engines.postgres.session import Session
from penstock.errors import ConnectError
from tests.servers import Server, temporary_folder, throw_away_server, usable_programs


@dataclass(frozen=True, slots=True)
class Certificate:
    """A self-signed certificate for 127.0.0.1 and its key, as files."""

    certificate: Path
    key: Path


def make_certificate(folder: Path, name: str) -> Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = Certificate(folder / f"{name}.crt", folder / f"{name}.key")
    files.certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    files.key.chmod(0o600)
    return files


@pytest.fixture(scope="module")
def encrypted() -> Iterator[tuple[Server, Certificate, Certificate]]:
    """A server with TLS, its certificate, and another one that did not sign it."""
    if not does_tls(usable_programs()):
        pytest.skip("this PostgreSQL was built without TLS")
    with temporary_folder() as place, throw_away_server(usable_programs()) as server:
        ours, others = make_certificate(place, "ours"), make_certificate(place, "others")
        if server.embedded is None:
            raise AssertionError("a throw-away server is ours")
        account = server_account()
        for file in (ours.certificate, ours.key):
            copy = server.embedded.data / file.name
            shutil.copy(file, copy)
            if account is not None:
                os.chown(copy, account.uid, account.gid)
        server.embedded.stop()
        server.embedded.configure({"ssl": "on", "ssl_cert_file": "ours.crt", "ssl_key_file": "ours.key"})
        server.embedded.start()
        yield server, ours, others


def settings(server: Server, sslmode: str | None, root: Path | None) -> Any:
    from dataclasses import replace

    params = {} if root is None else {"sslrootcert": str(root)}
    return replace(server.maintenance.settings_as("source", params=params), sslmode=sslmode)


def is_encrypted(found: Any) -> bool:
    with Session.open(found, read_only=True) as session:
        return checks.server_facts(session).tls


def test_the_named_root_certificate_is_trusted(encrypted: tuple[Server, Certificate, Certificate]) -> None:
    server, ours, _ = encrypted
    assert is_encrypted(settings(server, "verify-full", ours.certificate))
    assert is_encrypted(settings(server, "require", None))
    assert not is_encrypted(settings(server, "disable", None))


def test_another_root_certificate_is_not(encrypted: tuple[Server, Certificate, Certificate]) -> None:
    server, _, others = encrypted
    with pytest.raises(ConnectError) as caught:
        is_encrypted(settings(server, "verify-full", others.certificate))
    assert caught.value.hint


def test_a_root_certificate_that_is_not_there_is_an_error(
    encrypted: tuple[Server, Certificate, Certificate], tmp_path: Path
) -> None:
    with pytest.raises(ConnectError):
        is_encrypted(settings(encrypted[0], "verify-full", tmp_path / "absent.crt"))


def test_a_server_without_tls_is_refused_when_tls_is_required(postgres: Server) -> None:
    if postgres.maintenance.value("SHOW ssl") == "on":
        pytest.skip("this server has TLS")
    with pytest.raises(ConnectError):
        is_encrypted(settings(postgres, "require", None))


def test_the_client_programs_get_the_same(encrypted: tuple[Server, Certificate, Certificate]) -> None:
    server, ours, _ = encrypted
    variables = connection_environment(settings(server, "verify-full", ours.certificate), "postgres")
    assert (variables["PGSSLMODE"], variables["PGSSLROOTCERT"]) == ("verify-full", str(ours.certificate))
