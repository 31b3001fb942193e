"""Choosing a port on the loopback address."""

from __future__ import annotations

import hashlib
import os
import socket
from typing import TYPE_CHECKING

from primepos.core.embedded.connect import HOST

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Below the range from which Linux (32768) and others take the ports of outgoing connections.
_FIRST, _COUNT, _TRIES = 20000, 10000, 50
_CONNECT_TIMEOUT_S = 10


def is_listening(port: int) -> bool:
    """Whether somebody accepts connections on the port; asked without taking the port for a moment."""
    try:
        socket.create_connection((HOST, port), timeout=_CONNECT_TIMEOUT_S).close()
    except OSError:
        return False
    return True


def is_free(port: int) -> bool:
    """Whether a server could take the port now; asked by taking it for a moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        if os.name == "posix":
            # As PostgreSQL does: connections of a server that just ended must not make its port look taken.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def candidates(fixed: int | None, remembered: int | None, pgdata: Path) -> Iterator[int]:
    """Ports to try in turn: the fixed one and no other, or the remembered one, then free ones of this directory's own.

    Two directories start at different places, so clusters that start at once seldom meet.
    """
    if fixed is not None:
        yield fixed
        return
    start = int.from_bytes(hashlib.sha256(os.fsencode(pgdata)).digest()[:4])
    own = (_FIRST + (start + step) % _COUNT for step in range(_TRIES))
    yield from (port for port in (remembered, *own) if port is not None and is_free(port))
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((HOST, 0))
        port = int(probe.getsockname()[1])
    yield port
