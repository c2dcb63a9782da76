"""Who may talk to an agent, and which files of keys are believed."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from infra.mt5 import constants as mt5
from infra.mt5.agent import contract, keys
from infra.mt5.agent.keys import PLATFORM, Issuer, Keys, agent_name
from infra.mt5.agent.server import AgentServer
from infra.mt5.agent.tls import grpc
from infra.secrets.provider import SecretsError
from tests.infra.mt5.agent.stand import agent, caller, stage
from tests.infra.mt5.worlds import LOGIN, OTHER

SERVES, CALLS = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
LIMIT_S = 5.0


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    return keys.new_issuer()


@pytest.fixture(scope="module")
def server(issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentServer]:
    shown = read(tmp_path_factory.mktemp("keys"), keys.issued(issuer, agent_name(LOGIN), SERVES))
    with stage() as terminal, agent(terminal, shown) as made:
        yield made


def read(folder: Path, text: bytes) -> Keys:
    """Keys as a process reads them."""
    file = folder / "some.pem"
    file.touch(mode=0o600)
    file.write_bytes(text)
    return keys.load(file)


def connects(server: AgentServer, shown: Keys, login: int = LOGIN) -> bool:
    """Whether a caller with these keys gets as far as the terminal."""
    with caller(server, LIMIT_S, shown, login) as client:
        connected = client.initialize()
        assert connected or client.last_error()[0] == mt5.RES_E_INTERNAL_FAIL_INIT
    return connected


def test_only_a_caller_of_our_issuer_in_his_time_and_role_connects(
    issuer: Issuer, server: AgentServer, tmp_path: Path
) -> None:
    ours = read(tmp_path, keys.issued(issuer, PLATFORM, CALLS))
    foreign = read(tmp_path, keys.issued(keys.new_issuer(), PLATFORM, CALLS))
    mixed = Keys(foreign.key, foreign.certificate, ours.root)
    expired = read(tmp_path, keys.issued(issuer, PLATFORM, CALLS, days=-1))
    an_agent = read(tmp_path, keys.issued(issuer, agent_name(LOGIN), SERVES))
    assert connects(server, ours)
    assert not connects(server, mixed)
    assert not connects(server, expired)
    assert not connects(server, an_agent)
    assert connects(server, ours)


def test_a_caller_believes_only_the_accounts_own_agent(
    issuer: Issuer, server: AgentServer, tmp_path: Path
) -> None:
    ours = read(tmp_path, keys.issued(issuer, PLATFORM, CALLS))
    assert not connects(server, ours, OTHER)
    foreign = read(tmp_path, keys.issued(keys.new_issuer(), PLATFORM, CALLS))
    assert not connects(server, Keys(ours.key, ours.certificate, foreign.root))


def test_an_agent_whose_certificate_is_over_is_not_believed(issuer: Issuer, tmp_path: Path) -> None:
    ours = read(tmp_path, keys.issued(issuer, PLATFORM, CALLS))
    for days, believed in ((1.0, True), (-1.0, False)):
        shown = read(tmp_path, keys.issued(issuer, agent_name(LOGIN), SERVES, days=days))
        with stage() as terminal, agent(terminal, shown) as server:
            assert connects(server, ours) is believed


@pytest.mark.parametrize("plain", [True, False])
def test_without_a_certificate_nobody_is_served(server: AgentServer, plain: bool) -> None:
    options = (("grpc.ssl_target_name_override", agent_name(LOGIN)),)
    root = server_root(server)
    channel = (
        grpc.insecure_channel(server.address)
        if plain
        else grpc.secure_channel(server.address, grpc.ssl_channel_credentials(root), options)
    )
    with channel, pytest.raises(grpc.RpcError) as refused:
        channel.unary_unary(contract.method(contract.PULSE))(b"", timeout=LIMIT_S)
    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE


def server_root(server: AgentServer) -> bytes:
    """What a stranger can learn: the certificate that the agent shows."""
    host, _, port = server.address.rpartition(":")
    return ssl.get_server_certificate((host, int(port))).encode()


@pytest.mark.parametrize(
    ("version", "agreed"), [(ssl.TLSVersion.TLSv1_2, False), (ssl.TLSVersion.TLSv1_3, True)]
)
def test_nothing_older_than_tls_1_3_is_spoken(
    issuer: Issuer, server: AgentServer, tmp_path: Path, version: ssl.TLSVersion, agreed: bool
) -> None:
    file = keys.ensure(tmp_path, PLATFORM)
    file.write_bytes(keys.issued(issuer, PLATFORM, CALLS))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(cadata=keys.load(file).root.decode())
    context.load_cert_chain(file)
    context.set_alpn_protocols(["h2"])
    context.minimum_version = context.maximum_version = version
    host, _, port = server.address.rpartition(":")
    with socket.create_connection((host, int(port)), LIMIT_S) as connection:
        try:
            with context.wrap_socket(connection) as spoken:
                assert spoken.version() == "TLSv1.3"
                assert agreed
        except ssl.SSLError:
            assert not agreed


def test_keys_are_issued_once_and_for_their_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    files = [keys.ensure(folder, name) for name in (PLATFORM, agent_name(LOGIN))]
    before = [file.read_bytes() for file in files]
    assert [keys.ensure(folder, file.stem) for file in files] == files
    assert [file.read_bytes() for file in files] == before
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}
    assert len(list(folder.iterdir())) == 3


def test_many_who_need_keys_at_once_agree_on_one_issuer(tmp_path: Path) -> None:
    names = [PLATFORM, *(agent_name(login) for login in range(7))]
    threads = [threading.Thread(target=keys.ensure, args=(tmp_path, name)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({keys.load(tmp_path / f"{name}.pem").root for name in names}) == 1


def test_keys_are_issued_anew_when_their_time_or_their_issuer_is_gone(tmp_path: Path) -> None:
    file = keys.ensure(tmp_path, PLATFORM)
    file.write_bytes(keys.issued(keys._issuer(tmp_path), PLATFORM, CALLS, days=keys.RENEW_DAYS - 1))
    short = file.read_bytes()
    fresh = keys.ensure(tmp_path, PLATFORM).read_bytes()
    assert fresh != short
    (tmp_path / "issuer.pem").unlink()
    assert keys.ensure(tmp_path, PLATFORM).read_bytes() == fresh
    keys.ensure(tmp_path, agent_name(LOGIN))
    assert keys.ensure(tmp_path, PLATFORM).read_bytes() != fresh


def test_keys_that_others_can_read_are_not_used(tmp_path: Path) -> None:
    file = keys.ensure(tmp_path, PLATFORM)
    file.chmod(0o640)
    with pytest.raises(SecretsError, match="can be read by others"):
        keys.load(file)
    file.chmod(0o600)
    file.write_text("no keys")
    with pytest.raises(SecretsError, match="holds no keys"):
        keys.load(file)


def test_keys_are_not_shown_by_accident(tmp_path: Path) -> None:
    shown = repr(keys.load(keys.ensure(tmp_path, PLATFORM)))
    assert "PRIVATE" not in shown
