"""Which account runs the server, and what that account may reach.

PostgreSQL refuses to run as root. Called by root, the server therefore runs as ``postgres`` or else ``nobody``, and
whatever that account cannot reach is placed elsewhere: permissions of existing directories are never changed.
"""

from __future__ import annotations

import os
import stat
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

#: Tried in this order when root starts the server. An account without a passwd entry would fail in initdb.
SERVER_ACCOUNTS = ("postgres", "nobody")


@dataclass(frozen=True)
class Account:
    """An unprivileged account that root starts the server as."""

    name: str
    uid: int
    gid: int

    def popen_options(self) -> dict[str, Any]:
        """Keyword arguments for ``subprocess`` that run a program as this account and nothing more."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def is_root() -> bool:
    """Whether this process runs as root, which PostgreSQL refuses to do."""
    return sys.platform != "win32" and os.geteuid() == 0


def account_named(name: str) -> Account | None:
    """The account of that name, or None when the machine has none."""
    if sys.platform == "win32":
        return None
    import pwd

    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def account_of(path: Path) -> Account | None:
    """The account that owns ``path``; None when it is root's, missing, or of an owner without a passwd entry."""
    if sys.platform == "win32":
        return None
    import pwd

    try:
        entry = pwd.getpwuid(path.stat().st_uid)
    except (OSError, KeyError):
        return None
    return None if entry.pw_uid == 0 else Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def server_account() -> Account | None:
    """The account root starts a new cluster's server as; None when the machine has neither of the known ones."""
    return next((account for name in SERVER_ACCOUNTS if (account := account_named(name)) and account.uid != 0), None)


def _permits(path: Path, account: Account, bits: int) -> bool:
    """Whether the mode of ``path`` alone gives ``account`` the permission ``bits`` (4 read, 2 write, 1 enter)."""
    info = path.stat()
    if info.st_uid == account.uid:
        granted = stat.S_IMODE(info.st_mode) >> 6
    elif info.st_gid == account.gid:
        granted = stat.S_IMODE(info.st_mode) >> 3
    else:
        granted = stat.S_IMODE(info.st_mode)
    return granted & bits == bits


def may_enter(directory: Path, account: Account) -> bool:
    """Whether ``account`` may pass through ``directory`` and every directory above it, judged by their modes."""
    resolved = directory.resolve()
    return all(_permits(step, account, 1) for step in (resolved, *resolved.parents))


def may_read(file: Path, account: Account) -> bool:
    """Whether ``account`` may reach and read ``file``; a missing file counts as no."""
    try:
        return may_enter(file.parent, account) and _permits(file.resolve(), account, 4)
    except OSError:
        return False
