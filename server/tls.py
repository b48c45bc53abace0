"""A private certificate authority and one certificate for a hospital's network (`xinlian tls make`).

Browsers give camera and microphone only to encrypted pages; a hospital without a public name installs `ca.pem` on its
machines once. What the hub does with the pair is `main.py`'s business.
"""

from __future__ import annotations

import ipaddress
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CA_DAYS, DAYS = 3650, 397
"""Browsers refuse server certificates of more than 398 days."""


def make(folder: Path, names: tuple[str, ...]) -> tuple[Path, Path, Path]:
    """Write `ca.pem`, `hub.pem`, `hub.key` for these DNS names and addresses; an existing authority is kept.

    Returns their paths (authority, certificate, key).
    """
    ca_path, ca, ca_key = _the_authority(folder)
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _certificate(ca, ca_key, key, names, ExtendedKeyUsageOID.SERVER_AUTH)
    _secret(folder / "hub.key", key)
    (folder / "hub.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return ca_path, folder / "hub.pem", folder / "hub.key"


def make_device(folder: Path, device: str) -> tuple[Path, Path]:
    """Write `<device>.pem` and `<device>.key`, by the authority of `make`, for a hub with `tls.device_ca`.

    Returns their paths (certificate, key).
    """
    _, ca, ca_key = _the_authority(folder)
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _certificate(ca, ca_key, key, (device,), ExtendedKeyUsageOID.CLIENT_AUTH)
    _secret(folder / f"{device}.key", key)
    (folder / f"{device}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return folder / f"{device}.pem", folder / f"{device}.key"


def _the_authority(folder: Path) -> tuple[Path, x509.Certificate, ec.EllipticCurvePrivateKey]:
    """The folder's authority, made where there is none yet."""
    folder.mkdir(parents=True, exist_ok=True)
    ca_path, ca_key_path = folder / "ca.pem", folder / "ca.key"
    if ca_path.exists() and ca_key_path.exists():
        ca = x509.load_pem_x509_certificate(ca_path.read_bytes())
        loaded = serialization.load_pem_private_key(ca_key_path.read_bytes(), None)
        assert isinstance(loaded, ec.EllipticCurvePrivateKey)
        ca_key = loaded
    else:
        ca_key = ec.generate_private_key(ec.SECP256R1())
        ca = _authority(ca_key)
        _secret(ca_key_path, ca_key)
        ca_path.write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    return ca_path, ca, ca_key


def _authority(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "XinLian private authority")])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=CA_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _certificate(
    ca: x509.Certificate,
    ca_key: ec.EllipticCurvePrivateKey,
    key: ec.EllipticCurvePrivateKey,
    names: tuple[str, ...],
    use: x509.ObjectIdentifier,
) -> x509.Certificate:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])]))
        .issuer_name(ca.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=DAYS))
        .add_extension(x509.SubjectAlternativeName([_general_name(n) for n in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([use]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _secret(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
