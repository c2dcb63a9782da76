"""The door to gRPC, with what our connections insist on: TLS 1.3, and a certificate on both sides.

BoringSSL cannot be told to begin at TLS 1.3, but without a cipher for the keys that we issue
(elliptic curves) no older handshake succeeds. gRPC reads this as it is imported; and that it is
not to write a line about each stranger, who would fill our disk with them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from infra.mt5.agent.keys import Keys, agent_name

os.environ["GRPC_SSL_CIPHER_SUITES"] = "ECDHE-RSA-AES256-GCM-SHA384"
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

import grpc as grpc  # named for those who come through this door

Options = tuple[tuple[str, Any], ...]


def served(keys: Keys) -> grpc.ServerCredentials:
    """What an agent shows, and what it wants to be shown."""
    shown = [(keys.key, keys.certificate)]
    return grpc.ssl_server_credentials(shown, keys.root, require_client_auth=True)


def let_in(
    handler: Callable[[bytes, grpc.ServicerContext], bytes], *names: str
) -> Callable[[bytes, grpc.ServicerContext], bytes]:
    """The handler, for peers whose certificates bear one of these names."""
    welcome = {name.encode() for name in names}

    def handle(request: bytes, context: grpc.ServicerContext) -> bytes:
        shown = context.auth_context().get("x509_common_name", ())
        if not welcome.issuperset(shown) or not shown:
            context.abort(grpc.StatusCode.PERMISSION_DENIED, f"only for {', '.join(names)}")
        return handler(request, context)

    return handle


def channel(address: str, login: int, keys: Keys, options: Options) -> grpc.Channel:
    """A channel to the agent of an account, if its certificate says so and we issued it."""
    credentials = grpc.ssl_channel_credentials(keys.root, keys.key, keys.certificate)
    named = ("grpc.ssl_target_name_override", agent_name(login))
    # A pool that channels share would make a new one wait for what an old one failed at.
    alone = ("grpc.use_local_subchannel_pool", 1)
    return grpc.secure_channel(address, credentials, (*options, named, alone))
