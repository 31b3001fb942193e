"""Moving a cluster to another major version with pg_upgrade: beside the old data, swapped in by renames at the end."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from primepos.core.embedded import locks
from primepos.core.embedded.binaries import Binaries, readable_copy
from primepos.core.embedded.connect import HOST, SUPERUSER
from primepos.core.embedded.errors import EmbeddedPostgresFailed, PostgresMajorMismatch
from primepos.core.embedded.postmaster import run_as
from primepos.core.embedded.provision import create_pgdata, superuser_password
from primepos.core.embedded.server import Server


@dataclass(frozen=True)
class Upgrade:
    """An upgrade that was done. ``old_data`` is the old data directory, untouched, for the operator to delete."""

    from_major: int
    to_major: int
    old_data: Path


def upgrade_data(server: Server, old: Binaries) -> Upgrade:
    """Bring the data of a stopped cluster, of the major version of ``old``, to that of the server's own programs.

    The old data are copied and stay as they are; settings changed in the old postgresql.conf are not carried over. The
    server is left stopped. The caller holds the launcher's lock.

    Raises:
        PostgresMajorMismatch: the data are newer than the programs.
        EmbeddedPostgresFailed: pg_upgrade refused or failed; what it said is in the error's ``log``. The old data are
            still in place and in use.
    """
    place, new = server.place, server.binaries()
    if old.version_major > new.version_major:
        raise PostgresMajorMismatch(
            data_dir=str(place.pgdata), data_major=old.version_major, binaries_major=new.version_major
        )
    if place.account is not None:
        old, new = (readable_copy(binaries, place.account, server.system_dir) for binaries in (old, new))
    # pg_upgrade takes only a directory that was shut down in order, which after a crash it was not.
    replace(server, binaries=lambda: old).start()
    server.stop("fast")

    lock = locks.take(place.server_lock, wait=False, owner=place.owner)
    if lock is None:
        raise server.failure("was started by somebody else at the same time")
    shutil.rmtree(place.upgraded, ignore_errors=True)
    work = Path(tempfile.mkdtemp(prefix="primepos-"))  # Short: a socket's path has 107 bytes at most.
    try:
        create_pgdata(new, place, is_durable=server.fsync, target=place.upgraded)
        if sys.platform != "win32" and place.account is not None:
            os.chown(work, place.account.uid, place.account.gid)
        options: list[str | Path] = [
            *("--old-bindir", old.bin_dir, "--new-bindir", new.bin_dir),
            *("--old-datadir", place.pgdata, "--new-datadir", place.upgraded),
            *("--username", SUPERUSER),
        ]
        if sys.platform != "win32":
            options += ["--socketdir", work]
        if not server.fsync:
            options += ["--no-sync"]
        result = run_as(
            [new.tool("pg_upgrade"), *options],
            place.account,
            work_dir=work,
            inherit=(lock,),
            PGPASSWORD=superuser_password(place),
        )
        if result.returncode != 0:
            shutil.rmtree(place.upgraded, ignore_errors=True)
            raise EmbeddedPostgresFailed(
                data_dir=str(place.pgdata),
                what=f"could not be upgraded to PostgreSQL {new.version_major}",
                log=result.stdout,
                hint=result.stdout,
            )
        old_data = place.root / f"pgdata-{old.version_major}"
        shutil.rmtree(old_data, ignore_errors=True)
        # Killed between the two, the next start does the second: see Place.finish_upgrade.
        place.pgdata.rename(old_data)
        place.finish_upgrade()
    finally:
        os.close(lock)
        shutil.rmtree(work, ignore_errors=True)
    return Upgrade(old.version_major, new.version_major, old_data)


def analyze(server: Server, port: int) -> None:
    """Let the planner see the upgraded data: pg_upgrade carries over few statistics or none.

    Raises:
        EmbeddedPostgresFailed: vacuumdb failed.
    """
    result = run_as(
        [server.binaries().tool("vacuumdb"), "--all", "--analyze-only", "--no-password"],
        None,
        PGHOST=HOST,
        PGPORT=str(port),
        PGUSER=SUPERUSER,
        PGPASSWORD=superuser_password(server.place),
    )
    if result.returncode != 0:
        raise EmbeddedPostgresFailed(
            data_dir=str(server.place.pgdata), what="could not be analyzed", log=result.stdout, hint=result.stdout
        )
