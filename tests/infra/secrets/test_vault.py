"""Credentials are opened by whoever sealed them, for a day, and by nobody else."""

from __future__ import annotations

import ctypes
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest

from infra.secrets import file as sealing
from infra.secrets import private
from infra.secrets.dpapi import Blob, Dpapi
from infra.secrets.file import SealedFiles, by_key_file, by_passphrase, make_key_file
from infra.secrets.keyring import Keyring
from infra.secrets.provider import Provider, SecretsError
from infra.secrets.vault import LEASE_S, LeaseOverError, Vault, key_file, vault

SECRET = "canary-7f3a"
DAY_US = LEASE_S * 1_000_000


class Kernel:
    """Stands where Windows would be: one user's key, and the entropy that a blob was given."""

    def __init__(self, user: int) -> None:
        self._user = user
        self._held: list[Any] = []
        self.freed = 0
        self.crypt32 = self.kernel32 = self

    def CryptProtectData(self, *given: Any) -> int:  # the system's name
        return self._turned(*given, seals=True)

    def CryptUnprotectData(self, *given: Any) -> int:  # the system's name
        return self._turned(*given, seals=False)

    def LocalFree(self, _data: Any) -> None:  # the system's name
        self.freed += 1

    def _turned(self, *given: Any, seals: bool) -> int:
        data, entropy = _content(given[0]), _content(given[2])
        assert given[5] == 1  # no window may ask
        head = bytes([self._user]) + entropy
        if not seals and not data.startswith(head):
            return 0
        turned = bytes(b ^ 0x5A for b in (data if seals else data[len(head) :]))
        answer = head + turned if seals else turned
        held = ctypes.create_string_buffer(answer, len(answer))
        self._held.append(held)
        blob = given[6]._obj
        blob.size, blob.data = len(answer), ctypes.cast(held, ctypes.POINTER(ctypes.c_char))
        return 1


def _content(reference: Any) -> bytes:
    blob: Blob = reference._obj
    return ctypes.string_at(blob.data, blob.size)


class FakeKeyring(ModuleType):
    """Stands where the desktop's keyring would be."""

    def __init__(self) -> None:
        super().__init__("keyring")
        self.held: dict[tuple[str, str], str] = {}

    def set_password(self, service: str, name: str, value: str) -> None:
        self.held[service, name] = value

    def get_password(self, service: str, name: str) -> str | None:
        return self.held.get((service, name))


def with_key_file(folder: Path) -> Provider:
    make_key_file(folder / "secrets.key")
    return SealedFiles(folder, by_key_file(folder / "secrets.key"))


def with_passphrase(folder: Path) -> Provider:
    return SealedFiles(folder, by_passphrase(lambda: "open sesame"))


def with_dpapi(folder: Path) -> Provider:
    return Dpapi(folder, Kernel(1))


def with_keyring(_folder: Path) -> Provider:
    return Keyring()


Make = Callable[[Path], Provider]
MAKES: dict[str, Make] = {
    "key file": with_key_file,
    "passphrase": with_passphrase,
    "dpapi": with_dpapi,
    "keyring": with_keyring,
}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A keyring is there, and a guess costs little."""
    monkeypatch.setitem(sys.modules, "keyring", FakeKeyring())
    monkeypatch.setattr(sealing, "SCRYPT_COST", 1 << 10)


@pytest.fixture(params=MAKES)
def provider(request: pytest.FixtureRequest, tmp_path: Path) -> Provider:
    return MAKES[request.param](tmp_path)


class Moment:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now_us = 1_700_000_000_000_000

    def __call__(self) -> int:
        return self.now_us


def test_what_was_sealed_is_opened_and_the_latest_holds(provider: Provider) -> None:
    kept = Vault(provider)
    kept.rotate("90001", "old")
    kept.rotate("90002", "another's")
    kept.rotate("90001", SECRET, "Demo")
    credential = kept.credential("90001")
    assert (credential.password, credential.server) == (SECRET, "Demo")
    assert kept.credential("90002").password == "another's"


def test_a_lease_is_over_after_a_day_and_does_not_begin_before(provider: Provider) -> None:
    moment = Moment()
    kept = Vault(provider, moment)
    assert kept.rotate("90001", SECRET).lease_until_us == moment.now_us + DAY_US
    moment.now_us += DAY_US - 1
    assert kept.credential("90001").password == SECRET
    moment.now_us += 1
    with pytest.raises(LeaseOverError, match="seal it anew"):
        kept.credential("90001")
    moment.now_us -= DAY_US + 1  # the clock was set back
    with pytest.raises(LeaseOverError):
        kept.credential("90001")


def test_what_was_never_sealed_is_said_to_be_missing(provider: Provider) -> None:
    with pytest.raises(SecretsError, match="no credential of 90001"):
        Vault(provider).credential("90001")


@pytest.mark.parametrize("make", [with_key_file, with_passphrase, with_dpapi])
def test_nothing_plain_is_on_disk_and_nobody_else_reads_it(make: Make, tmp_path: Path) -> None:
    Vault(make(tmp_path)).rotate("90001", SECRET)
    files = [path for path in tmp_path.iterdir() if path.is_file()]
    assert files
    assert not any(SECRET.encode() in path.read_bytes() for path in files)
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    sealed = next(path for path in files if path.suffix in (".sealed", ".dpapi"))
    sealed.chmod(0o644)
    with pytest.raises(SecretsError, match="can be read by others"):
        Vault(make(tmp_path)).credential("90001")


@pytest.mark.parametrize("make", [with_key_file, with_passphrase, with_dpapi])
def test_one_accounts_file_is_of_no_use_for_another(make: Make, tmp_path: Path) -> None:
    provider = make(tmp_path)
    kept = Vault(provider)
    kept.rotate("90001", SECRET)
    (file,) = [path for path in tmp_path.iterdir() if path.stem == "90001"]
    private.write(file.with_stem("90002"), file.read_bytes())
    with pytest.raises(SecretsError, match="cannot be opened"):
        provider.unseal("90002")


@pytest.mark.parametrize("make", [with_key_file, with_passphrase])
def test_a_file_that_was_changed_anywhere_is_not_opened(make: Make, tmp_path: Path) -> None:
    kept = Vault(make(tmp_path))
    kept.rotate("90001", SECRET)
    file = tmp_path / "90001.sealed"
    whole = file.read_bytes()
    for place in range(0, len(whole), 3):
        private.write(file, whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(SecretsError) as refused:
            kept.credential("90001")
        assert SECRET not in repr(refused.value)
    private.write(file, whole[:-1])
    with pytest.raises(SecretsError):
        kept.credential("90001")


def test_another_key_passphrase_or_user_opens_nothing(tmp_path: Path) -> None:
    Vault(with_passphrase(tmp_path)).rotate("90001", SECRET)
    guess = SealedFiles(tmp_path, by_passphrase(lambda: "open barley"))
    with pytest.raises(SecretsError, match="cannot be opened"):
        Vault(guess).credential("90001")
    with pytest.raises(SecretsError, match="opened by scrypt"):
        Vault(with_key_file(tmp_path)).credential("90001")
    Vault(with_key_file(tmp_path)).rotate("90001", SECRET)
    (tmp_path / "secrets.key").unlink()
    with pytest.raises(SecretsError, match="cannot be opened"):
        Vault(with_key_file(tmp_path)).credential("90001")
    Vault(Dpapi(tmp_path, Kernel(1))).rotate("90001", SECRET)
    with pytest.raises(SecretsError, match="cannot be opened"):
        Vault(Dpapi(tmp_path, Kernel(2))).credential("90001")


def test_a_key_file_that_is_none_is_named(tmp_path: Path) -> None:
    file = tmp_path / "some.key"
    kept = Vault(SealedFiles(tmp_path, by_key_file(file)))
    with pytest.raises(SecretsError, match="no key file"):
        kept.rotate("90001", SECRET)
    private.write(file, b"short")
    with pytest.raises(SecretsError, match="5 bytes, not 32"):
        kept.rotate("90001", SECRET)


def test_a_seal_of_a_stranger_is_not_believed(tmp_path: Path) -> None:
    provider = with_key_file(tmp_path)
    provider.seal("90001", msgspec.msgpack.encode(("90002", SECRET, "", 0, 1 << 62)))
    with pytest.raises(SecretsError, match="cannot be opened"):
        Vault(provider).credential("90001")
    provider.seal("90001", SECRET.encode())
    with pytest.raises(SecretsError, match="cannot be opened") as refused:
        Vault(provider).credential("90001")
    assert refused.value.__cause__ is None


def test_the_system_is_told_to_forget(tmp_path: Path) -> None:
    kernel = Kernel(1)
    Vault(Dpapi(tmp_path, kernel)).rotate("90001", SECRET)
    assert kernel.freed == 2


def test_a_provider_that_is_not_here_is_no_reason_to_take_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(SecretsError, match="no keyring here"):
        vault("keyring", tmp_path)
    with pytest.raises(SecretsError, match="DPAPI is of Windows"):
        vault("dpapi", tmp_path)
    with pytest.raises(SecretsError, match="no provider 'clear'"):
        vault("clear", tmp_path)


def test_what_a_keyring_raises_is_not_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def raises(_service: str, _name: str, value: str) -> None:
        raise RuntimeError(value)

    monkeypatch.setattr(sys.modules["keyring"], "set_password", raises)
    with pytest.raises(SecretsError, match="RuntimeError") as failed:
        Vault(Keyring()).rotate("90001", SECRET)
    assert failed.value.__cause__ is None
    assert failed.value.__suppress_context__


def test_many_who_need_the_key_at_once_agree_on_it(tmp_path: Path) -> None:
    threads = [threading.Thread(target=key_file, args=(tmp_path,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    key = key_file(tmp_path).read_bytes()
    for thread in threads:
        thread.join()
    assert key_file(tmp_path).read_bytes() == key


def test_a_credential_shows_no_password(tmp_path: Path) -> None:
    credential = Vault(with_key_file(tmp_path)).rotate("90001", SECRET)
    assert SECRET not in f"{credential} {credential!r}"


def test_a_process_that_holds_one_leaves_no_dump() -> None:
    script = (
        "import ctypes, resource\n"
        "from infra.secrets import private\n"
        "private.no_dumps()\n"
        "print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"
    )
    said = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert said.stdout == "(0, 0) 0\n"
