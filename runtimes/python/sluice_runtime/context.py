"""The context object of an invocation."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .errors import Fault

if TYPE_CHECKING:
    from .log import Log
    from .runtime_api import Event


class _Parts:
    """An object with the named parts of a document, None where it has none."""

    _names: dict[str, str] = {}

    def __init__(self, document: dict[str, Any]) -> None:
        for name, key in self._names.items():
            setattr(self, name, document.get(key))

    def __repr__(self) -> str:
        return f"{type(self).__name__}([{','.join(f'{name}={value!r}' for name, value in vars(self).items())}])"


class CognitoIdentity(_Parts):
    cognito_identity_id: str | None
    cognito_identity_pool_id: str | None
    _names = {"cognito_identity_id": "cognitoIdentityId", "cognito_identity_pool_id": "cognitoIdentityPoolId"}


class Client(_Parts):
    installation_id: str | None
    app_title: str | None
    app_version_name: str | None
    app_version_code: str | None
    app_package_name: str | None
    _names = {
        name: name
        for name in ("installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name")
    }


class ClientContext(_Parts):
    custom: Any
    env: Any
    client: Client | None
    _names = {"custom": "custom", "env": "env"}

    def __init__(self, document: dict[str, Any]) -> None:
        super().__init__(document)
        client = document.get("client")
        self.client = Client(client) if isinstance(client, dict) else None


class LambdaContext:
    """What a handler gets as its second argument."""

    def __init__(self, event: Event, log: Callable[[str], None]) -> None:
        env = os.environ
        self.aws_request_id = event.id
        self.log_group_name = env.get("AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name = env.get("AWS_LAMBDA_LOG_STREAM_NAME")
        self.function_name = env.get("AWS_LAMBDA_FUNCTION_NAME")
        self.memory_limit_in_mb = env.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.function_version = env.get("AWS_LAMBDA_FUNCTION_VERSION")
        self.invoked_function_arn = event.arn
        self.tenant_id = event.tenant_id
        client_context = _parse(event.client_context, "client context")
        self.client_context = ClientContext(client_context) if client_context is not None else None
        # Always an object, as on AWS; its parts are None without an identity.
        self.identity = CognitoIdentity(_parse(event.identity, "Cognito identity") or {})
        self._deadline = event.deadline
        self._log = log

    def get_remaining_time_in_millis(self) -> int:
        """The time until the function's timeout."""
        return max(self._deadline - int(time.time() * 1000), 0)

    def log(self, message: object) -> None:
        """Writes an entry to the log as it is."""
        self._log(str(message))

    def __repr__(self) -> str:
        shown = ",".join(f"{name}={value!r}" for name, value in vars(self).items() if not name.startswith("_"))
        return f"LambdaContext([{shown}])"


def make_context(event: Event, log: Log) -> LambdaContext:
    """Makes the context; a client context or an identity that is not JSON is a Fault."""
    return LambdaContext(event, lambda text: log.entry(text, logging.INFO))


def _parse(text: str | None, what: str) -> dict[str, Any] | None:
    if not text:
        return None
    try:
        document = json.loads(text)
    except ValueError as error:
        raise Fault("Runtime.LambdaContextUnmarshalError", f"Unable to parse {what}: {error}") from None
    if document is None:
        return None
    if not isinstance(document, dict):
        raise Fault("Runtime.LambdaContextUnmarshalError", f"Unable to parse {what}: it is not a JSON object")
    return document
