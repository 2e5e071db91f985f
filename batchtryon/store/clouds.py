"""Opens an object store with the user's own credentials: those of the environment, or of an AWS profile.

The only file besides ``cli/environment.py`` that reads ``os.environ``: the variables are those of the clouds' own
tools, and obstore reads them by itself. What is checked here is what it does not: that there are credentials at all (it
would ask the machine's metadata service, and wait), and that plain http goes to this machine only.
"""

from __future__ import annotations

import configparser
import ipaddress
import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from batchtryon.buckets import ObjectAddress
from batchtryon.errors import ConfigurationError
from batchtryon.store.library import Library

__all__ = ["open_client"]

#: Tries of one call after the first, and seconds: a courier has a patience of its own on top.
RETRIES: Final = 3
RETRYING_SECONDS: Final = 20.0
#: Seconds for one request, its body included.
REQUEST_SECONDS: Final = 60.0

_ENDPOINTS: Final = {
    "s3": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"),
    "gs": (),
    "az": ("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"),
}
#: Where obstore finds credentials for S3 by itself, without asking the network for a machine's role.
_FOUND_BY_ITSELF: Final = (
    "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)
_FROM_PROFILE: Final = {"aws_access_key_id": "access_key_id", "aws_secret_access_key": "secret_access_key",
                        "aws_session_token": "session_token"}


def open_client(library: Library, address: ObjectAddress) -> Any:
    """The library's own store for the bucket and prefix.

    Raises :class:`ConfigurationError` without credentials, or for an endpoint that may not be used. Never show what
    this returns: the ``repr`` of some kinds raises, and their configuration holds secrets.
    """
    variables: Mapping[str, str] = os.environ
    options: dict[str, Any] = {
        "client_options": {"allow_http": _is_plain_and_here(address, variables),
                           "timeout": timedelta(seconds=REQUEST_SECONDS)},
        "retry_config": {"max_retries": RETRIES, "retry_timeout": timedelta(seconds=RETRYING_SECONDS)},
    }
    if address.prefix:
        options["prefix"] = address.prefix
    try:
        if address.scheme == "s3":
            # The store compares the body with its sha256, so that what it keeps is what was sent.
            return library.stores.S3Store(address.bucket, checksum_algorithm="SHA256", **options, **_aws(variables))
        kind = library.stores.GCSStore if address.scheme == "gs" else library.stores.AzureStore
        return kind(address.bucket, **options)
    except (library.errors.BaseError, ValueError, OSError):
        # Its text may quote what it was configured with.
        raise ConfigurationError(f"{address}: the object store cannot be opened with what the environment says. Check "
                                 "the variables with its account, credentials and region.") from None


def _is_plain_and_here(address: ObjectAddress, variables: Mapping[str, str]) -> bool:
    for name in _ENDPOINTS[address.scheme]:
        given = variables.get(name, "").strip()
        if given:
            return _is_http(given, name)
    return False


def _is_http(endpoint: str, name: str) -> bool:
    try:
        parts = urlsplit(endpoint)
        host = parts.hostname or ""
    except ValueError:
        host, parts = "", urlsplit("")
    if parts.scheme not in {"http", "https"} or not host or "@" in parts.netloc:
        raise ConfigurationError(f"{name}: it is not an address like https://host. Correct it.")
    if parts.scheme == "https":
        return False
    if not _is_here(host):
        raise ConfigurationError(f"{name}: plain http goes to this machine only. Write https.")
    return True


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _aws(variables: Mapping[str, str]) -> dict[str, str]:
    """What obstore does not find by itself: the profile's keys and region."""
    keys = bool(variables.get("AWS_ACCESS_KEY_ID") and variables.get("AWS_SECRET_ACCESS_KEY"))
    if keys or any(variables.get(name) for name in _FOUND_BY_ITSELF):
        return {}
    profile = variables.get("AWS_PROFILE") or variables.get("AWS_DEFAULT_PROFILE") or "default"
    kept = _section(variables.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials", profile)
    named = profile if profile == "default" else f"profile {profile}"
    config = _section(variables.get("AWS_CONFIG_FILE") or "~/.aws/config", named)
    found = {ours: value for theirs, ours in _FROM_PROFILE.items() if (value := kept.get(theirs) or config.get(theirs))}
    if not {"access_key_id", "secret_access_key"} <= found.keys():
        raise ConfigurationError(
            "There are no credentials for s3. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile that "
            "has such keys with AWS_PROFILE."
        )
    if not (variables.get("AWS_REGION") or variables.get("AWS_DEFAULT_REGION")) and config.get("region"):
        found["region"] = config["region"]
    return found


def _section(path: str, name: str) -> Mapping[str, str]:
    """One section of an AWS file; empty if the file, or the section, is not there or cannot be read."""
    parser = configparser.ConfigParser(interpolation=None, default_section="\0")
    try:
        parser.read_string(Path(path).expanduser().read_text(encoding="utf-8"))
    except (OSError, RuntimeError, UnicodeDecodeError, configparser.Error):
        return {}
    return dict(parser[name]) if parser.has_section(name) else {}
