"""Connections that are encrypted carry no frames that could be handed on; the rows are the same."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from entrepot_lab.postgres.cluster import Cluster
from entrepot_lab.postgres.warehouse import Lab
from entrepot_lab.sources import elearning


def certify(folder: Path) -> None:
    """Make a server's key and the certificate that it signs itself, as PostgreSQL names them."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.timezone.utc)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "server.crt").write_bytes(certificate.public_bytes(pem))
    (folder / "server.key").write_bytes(
        key.private_bytes(
            pem,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    owner = folder.stat()
    for each in ("server.crt", "server.key"):
        (folder / each).chmod(0o600)
        os.chown(folder / each, owner.st_uid, owner.st_gid)


def test_a_night_over_tls(servers: dict[str, Cluster], tmp_path: Path) -> None:
    """The wheel's server is built without TLS."""
    if "system" not in servers:
        pytest.skip("no server with TLS on this machine")
    server = servers["system"]
    certify(server.data)
    with server.admin() as admin:
        admin.execute("ALTER SYSTEM SET ssl = on")
        admin.execute("SELECT pg_reload_conf()")
    lab = Lab(server, server, "tls", tmp_path).create()
    try:
        with lab.source() as connection:
            elearning.create(connection, 2000)
        over = "?sslmode=require"
        for variables in (
            {"SOURCE_DATABASE_URL": lab.source_url() + over},
            {"TARGET_DATABASE_URL": lab.warehouse_url() + over},
        ):
            plain = {
                "PG_BINDIR": str(server.binaries),
                "SOURCE_DATABASE_URL": lab.source_url() + "?sslmode=disable",
                "TARGET_DATABASE_URL": lab.warehouse_url() + "?sslmode=disable",
            }
            status, output = lab.run("run", **{**plain, **variables})
            assert status == 0, output
            lab.assert_replicated(
                {"public": "pix", "pgboss": "pix_pgboss", "audit": "pix_audit"}
            )
    finally:
        lab.drop()
        with server.admin() as admin:
            admin.execute("ALTER SYSTEM RESET ssl")
            admin.execute("SELECT pg_reload_conf()")
