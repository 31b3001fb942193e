"""A whole shop in one sealed file: written where it leaves, read where it arrives; never more than a page in memory.

The file is ``PrimePOS-TENANT`` and a sealed container as backups are (adapters/backup/sealing.py), under BACKUP_KEY or
the key that both sides agreed on. Inside are lines of JSON: the outline, parts of tables, files, and the end.
"""

from __future__ import annotations

import base64
import os
import time
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import msgspec

from primepos import __version__
from primepos.adapters.backup.errors import BackupDamaged
from primepos.adapters.backup.sealing import Header, Opened, Sealing, Trailer, key_id, new_salt
from primepos.cli import session
from primepos.core.settings_types import Secret
from primepos.domain.moving.errors import StillSettling
from primepos.domain.moving.service import (
    begin_move,
    finish_arrival,
    open_arrival,
    outline,
    put_file,
    put_rows,
    read_file,
    read_rows,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from primepos.core.context import Identity
    from primepos.core.operations import App

MAGIC: Final = b"PrimePOS-TENANT\n"
_PAGE: Final = 500
_TRIES: Final = 30


def write_out(
    app: App, who: Identity, file: Path, key: Secret, *, wait: Callable[[float], None] = time.sleep
) -> dict[str, int]:
    """Close the caller's tenant, write all of it to a new file that only its owner can read, and count the rows.

    An existing file is not overwritten; what could not be finished is removed.
    """
    app.run(begin_move, who, {})
    found = _settled(app, who, wait)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as target:
            counts = _write(app, who, found, target, key)
            target.flush()
            os.fsync(target.fileno())
    except BaseException:
        file.unlink(missing_ok=True)
        raise
    return counts


def _settled(app: App, who: Identity, wait: Callable[[float], None]) -> Any:
    for _ in range(_TRIES):
        try:
            return app.run(outline, who, {})
        except StillSettling:
            wait(0.5)
    return app.run(outline, who, {})


def _write(app: App, who: Identity, found: Any, target: BinaryIO, key: Secret) -> dict[str, int]:
    now = app.clock.now()
    header = Header(
        salt=new_salt(),
        key=key_id(key),
        created_at=now,
        database="tenant",
        revision=found.revision,
        release=__version__,
        server="",
        tool="primepos tenants move-out",
        format="plain",
        reason="manual",
    )
    seal = Sealing(key, header)
    target.write(MAGIC)
    target.write(seal.begin())

    def add(line: dict[str, Any]) -> None:
        target.writelines(seal.add(msgspec.json.encode(line) + b"\n"))

    add({"kind": "tenant", "revision": found.revision, "tenant": found.tenant})
    counts: dict[str, int] = {}
    for table in found.tables:
        counts[table] = 0
        after = None
        while True:
            page = app.run(read_rows, who, {"table": table, "after": after, "limit": _PAGE})
            if page.count:
                add({"kind": "rows", "table": table, "rows": page.rows})
                counts[table] += page.count
            after = page.next
            if after is None:
                break
    for name in found.files:
        content = app.run(read_file, who, {"name": name}).content
        add({"kind": "file", "name": name, "content": base64.b64encode(content).decode()})
    trailer = Trailer(
        dump_bytes=seal.dump_bytes,
        dump_sha256=seal.dump_sha256,
        finished_at=app.clock.now(),
        rows=counts,
        sequences={},
        roles=[],
        foreign=[],
    )
    target.writelines(seal.finish(trailer))
    return counts


def read_in(app: App, file: Path, key: Secret) -> tuple[str, dict[str, int]]:
    """Bring a shop in from a file: looked through whole before anything is done, and gone on with if interrupted.

    Raises: BackupDamaged, BackupKeyWrong, and what the operations refuse with.
    """
    with file.open("rb") as source:
        trailer = _opened(source, key, file.name).drained()
    who = session.system_identity(app)
    slug, here, sent = "", 0, 0
    with file.open("rb") as source:
        for line in _lines(_opened(source, key, file.name).dump()):
            match line["kind"]:
                case "tenant":
                    slug = line["tenant"]["slug"]
                    asked = {"revision": line["revision"], "tenant": line["tenant"]}
                    here = app.run(open_arrival, who, asked).parts
                case "rows":
                    sent += 1
                    if sent > here:
                        part = {"slug": slug, "part_no": sent, "table": line["table"], "rows": line["rows"]}
                        app.run(put_rows, who, part)
                case "file":
                    app.run(put_file, who, {"slug": slug, "name": line["name"], "content": line["content"]})
                case other:
                    raise BackupDamaged(name=file.name, problem=f"it holds something unknown: {other}")
    counts = {name: number for name, number in trailer.rows.items() if name != "users"}
    app.run(finish_arrival, who, {"slug": slug, "rows": counts})
    return slug, counts


def _opened(source: BinaryIO, key: Secret, name: str) -> Opened:
    if source.read(len(MAGIC)) != MAGIC:
        raise BackupDamaged(name=name, problem="it is no shop that was moved out")
    return Opened(source, key, name)


def _lines(pieces: Iterator[bytes]) -> Iterator[dict[str, Any]]:
    waiting = bytearray()
    for piece in pieces:
        waiting += piece
        while (end := waiting.find(b"\n")) >= 0:
            yield msgspec.json.decode(bytes(waiting[:end]))
            del waiting[: end + 1]
