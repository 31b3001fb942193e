"""Keys that PrimePOS makes itself: the shop's secrets file, a developer's keys, and keys derived from another."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
import stat
from typing import TYPE_CHECKING

from primepos.core.errors import BadConfiguration
from primepos.core.settings_rules import placeholder_prefix

if TYPE_CHECKING:
    from pathlib import Path

SHOP_FILE = "shop.env"
DEVELOPMENT_FILE = "development-keys.env"
SHOP_KEYS = ("SECRET_KEY", "JWT_SECRET_KEY", "PIN_PEPPER", "BACKUP_KEY")
DEVELOPMENT_KEYS = ("SECRET_KEY", "PIN_PEPPER", "BACKUP_KEY", "FIELD_ENCRYPTION_KEYS")
GENERATED = ("SECRET_KEY", "JWT_SECRET_KEY", "PIN_PEPPER", "BACKUP_KEY", "FIELD_ENCRYPTION_KEYS", "METRICS_TOKEN")

_FIELD_KEYS = "FIELD_ENCRYPTION_KEYS"
_RANDOM_BYTES = 48  # 64 characters of base64, above the 50 that SECRET_KEY needs
_SHOP_HEADER = """\
# Secrets of this shop, made by `primepos init`. Keep this file private and keep a copy in a safe place:
# without PIN_PEPPER every staff PIN must be set again, without BACKUP_KEY no backup can be restored.
"""
_DEVELOPMENT_HEADER = "# Keys of this data directory, made by PrimePOS for development and tests only.\n"


def generate_value(name: str) -> str:
    """Return a fresh random value for the secret ``name``: 384 bits URL-safe, or 256 bits in base64 for a field key."""
    if name == _FIELD_KEYS:
        return base64.b64encode(secrets.token_bytes(32)).decode("ascii")
    while True:
        value = secrets.token_urlsafe(_RANDOM_BYTES)
        if placeholder_prefix(value) is None:
            return value


def write_shop_env(path: Path) -> bool:
    """Write the secrets of a shop to ``path``, readable by its owner only.

    Never overwrites: returns False when the file is there already, since losing the old keys would lose every PIN
    and backup. Raises BadConfiguration when the directory cannot be written.
    """
    lines = ["PRIMEPOS_ENV=shop", *(f"{name}={generate_value(name)}" for name in SHOP_KEYS)]
    return write_private(path, _SHOP_HEADER + "\n".join(lines) + "\n")


def development_keys(data_dir: Path, *, make: bool = True) -> dict[str, str]:
    """Return the keys of a data directory, made on the first call so that no two developers share one.

    With ``make=False`` missing keys are thrown away with the process. Raises BadConfiguration when the directory
    cannot be written or the file is damaged.
    """
    path = data_dir / DEVELOPMENT_FILE
    fresh = {name: generate_value(name) for name in DEVELOPMENT_KEYS}
    try:
        if not path.exists():
            if not make:
                return fresh
            write_private(path, _DEVELOPMENT_HEADER + "".join(f"{name}={value}\n" for name, value in fresh.items()))
        found = dict(line.split("=", 1) for line in path.read_text("utf-8").splitlines() if line[:1] not in {"", "#"})
    except (OSError, ValueError) as error:
        raise BadConfiguration(f"The keys in {path} cannot be read: {error.__class__.__name__}") from error
    lost = [name for name in DEVELOPMENT_KEYS if not found.get(name)]
    if lost:
        raise BadConfiguration(f"{path} lacks {', '.join(lost)}; remove the file to have new keys made")
    return {name: found[name] for name in DEVELOPMENT_KEYS}


def derive_key(root: str, purpose: str) -> str:
    """Return 256 bits (hexadecimal) derived from ``root`` for one purpose: HKDF-SHA256, RFC 5869."""
    pseudo_random = hmac.new(b"primepos", root.encode("utf-8"), hashlib.sha256).digest()
    return hmac.new(pseudo_random, purpose.encode("utf-8") + b"\x01", hashlib.sha256).hexdigest()


def exposed(path: Path) -> bool:
    """Whether others than the owner may read a file (never so where modes mean nothing)."""
    return os.name == "posix" and bool(stat.S_IMODE(path.stat().st_mode) & 0o077)


def write_private(path: Path, text: str) -> bool:
    """Create ``path`` with mode 0600, whole or not at all; return False when it exists already.

    The text is written beside it, synced, and linked into place, so that two processes starting at once agree on
    one file and a power cut leaves no half of one. Raises BadConfiguration when the directory cannot be written.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            return _put_in_place(draft, path)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise BadConfiguration(f"{path} cannot be written: {error.strerror}") from error


def _put_in_place(draft: Path, path: Path) -> bool:
    try:
        os.link(draft, path)
    except FileExistsError:
        return False
    except (OSError, NotImplementedError):
        # A file system without hard links (FAT on a stick): the exclusive open decides instead.
        if path.exists():
            return False
        draft.rename(path)
    return True
