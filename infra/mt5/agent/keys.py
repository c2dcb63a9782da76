"""Certificates of agents and of those who call them, all issued by one key of this platform.

A file of keys holds a private key, its certificate and the issuer's certificate. The issuer is the
only root that either side trusts, so that a peer is known by who issued its certificate; an agent's
certificate serves and does not call, the platform's calls and does not serve. A bundle is what
another machine needs for one agent: its keys, and those of its keeper, who may only feel its pulse.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from infra.secrets import private
from infra.secrets.provider import SecretsError

ISSUER, PLATFORM = "issuer", "platform"
ISSUER_DAYS, PEER_DAYS = 3650, 365
RENEW_DAYS = 30
SKEW = timedelta(minutes=5)
"""How far the clocks of two machines may be apart when a certificate is new."""

_KEEPERS = "keeper-"
_KEY_BEGINS = b"-----BEGIN PRIVATE KEY-----"

Issuer = tuple[ec.EllipticCurvePrivateKey, x509.Certificate]


@dataclass(frozen=True, slots=True, repr=False)
class Keys:
    """What one side of a connection shows, and whom it trusts, as PEM."""

    key: bytes
    certificate: bytes
    root: bytes


def agent_name(login: int) -> str:
    """The name in the certificate of an account's agent, which its callers insist on."""
    return f"agent-{login}"


def keeper_name(login: int) -> str:
    """The name in the certificate of a keeper on another machine than the platform's."""
    return f"{_KEEPERS}{login}"


def bundle(folder: Path, login: int) -> bytes:
    """The text of a file that lets another machine serve this account, and no other.

    The issuer's key is not in it: whoever has the file can issue nothing.
    """
    peers = (agent_name(login), keeper_name(login))
    return b"".join(private.read(ensure(folder, peer)) for peer in peers)


def load_bundle(file: Path, login: int) -> tuple[Keys, Keys]:
    """The agent's keys and its keeper's, if the file is a bundle of this account."""
    both = _read(file)
    if len(both) != 2:
        raise SecretsError(f"{file} is no bundle: `tapedeck account {login} keys` writes one")
    for keys, name in zip(both, (agent_name(login), keeper_name(login)), strict=True):
        if (shown := name_in(keys)) != name:
            raise SecretsError(f"{file} holds the keys of {shown}, not of {name}")
    return both[0], both[1]


def name_in(keys: Keys) -> str:
    """Whose keys they are."""
    subject = x509.load_pem_x509_certificate(keys.certificate).subject
    return str(subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def ensure(folder: Path, name: str) -> Path:
    """The file of a peer's keys, issued if there is none or if its time is nearly over."""
    file = folder / f"{name}.pem"
    if not file.exists():
        private.write_first(file, issued(_issuer(folder), name, _purpose(name)))
    elif (folder / f"{ISSUER}.pem").exists() and _outdated(load(file), issuer := _issuer(folder)):
        private.write(file, issued(issuer, name, _purpose(name)))
    return file


def load(file: Path) -> Keys:
    """The keys of a file that nobody else can read; of a bundle, the agent's."""
    return _read(file)[0]


def issued(
    issuer: Issuer,
    name: str,
    purpose: x509.ObjectIdentifier,
    days: float = PEER_DAYS,
) -> bytes:
    """New keys of a peer, as the text of their file."""
    key = ec.generate_private_key(ec.SECP256R1())
    unsigned = (
        _certificate(name, issuer[1].subject, key, days)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=True)
    )
    return _key_pem(key) + _pem(unsigned.sign(issuer[0], hashes.SHA256())) + _pem(issuer[1])


def new_issuer() -> Issuer:
    """A key that issues certificates, and its own."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = f"tapedeck {ISSUER} {secrets.token_hex(4)}"
    unsigned = (
        _certificate(name, _named(name), key, ISSUER_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    )  # fmt: skip
    return key, unsigned.sign(key, hashes.SHA256())


def _read(file: Path) -> list[Keys]:
    """All keys of a file, each with its certificate and its issuer's."""
    try:
        parts = private.read(file).split(_KEY_BEGINS)[1:]
        found = [_parsed(_KEY_BEGINS + part) for part in parts]
    except (OSError, ValueError) as wrong:
        raise SecretsError(f"{file} holds no keys: {wrong}") from wrong
    if not found:
        raise SecretsError(f"{file} holds no keys")
    return found


def _parsed(text: bytes) -> Keys:
    key = serialization.load_pem_private_key(text, None)
    certificate, root = x509.load_pem_x509_certificates(text)
    return Keys(_key_pem(key), _pem(certificate), _pem(root))


def _issuer(folder: Path) -> Issuer:
    file = folder / f"{ISSUER}.pem"
    if not file.exists():
        key, certificate = new_issuer()
        private.write_first(file, _key_pem(key) + _pem(certificate) * 2)
    keys = load(file)
    key_held = serialization.load_pem_private_key(keys.key, None)
    if not isinstance(key_held, ec.EllipticCurvePrivateKey):
        raise SecretsError(f"{file} holds another kind of key than we issue with")
    return key_held, x509.load_pem_x509_certificate(keys.certificate)


def _purpose(name: str) -> x509.ObjectIdentifier:
    calls = name == PLATFORM or name.startswith(_KEEPERS)
    return ExtendedKeyUsageOID.CLIENT_AUTH if calls else ExtendedKeyUsageOID.SERVER_AUTH


def _certificate(
    name: str, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, days: float
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    ends = now + timedelta(days=days)
    return (
        x509.CertificateBuilder()
        .subject_name(_named(name))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(min(now, ends) - SKEW)
        .not_valid_after(ends)
    )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _outdated(keys: Keys, issuer: Issuer) -> bool:
    """Another issued them, or their time is nearly over."""
    ends = x509.load_pem_x509_certificate(keys.certificate).not_valid_after_utc
    nearly = ends - datetime.now(UTC) < timedelta(days=RENEW_DAYS)
    return nearly or keys.root != _pem(issuer[1])


def _key_pem(key: object) -> bytes:
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("not a key of an elliptic curve")
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
