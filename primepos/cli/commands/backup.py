"""``primepos backup``: make, list and verify backups, and record those the platform makes."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from primepos import bootstrap
from primepos.cli import session
from primepos.cli.options import EnvFileOption, JsonFlag, examples
from primepos.cli.output import emit, note
from primepos.core.clock import SystemClock
from primepos.core.errors import InvalidInput

if TYPE_CHECKING:
    from primepos.adapters.backup.reading import Kept
    from primepos.adapters.backup.retention import Keep

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, add_completion=False, help="Make, list and verify backups."
)

PlaceOption = Annotated[
    str | None,
    typer.Option("--from", metavar="PLACE", help="DIR or s3://bucket/prefix; this installation's own without it."),
]
KeyFileOption = Annotated[
    Path | None,
    typer.Option(
        "--key-file", metavar="FILE", exists=True, dir_okay=False, help="The BACKUP_KEY of that time, in a file."
    ),
]


JobsOption = Annotated[
    int, typer.Option("--jobs", min=1, max=32, help="How many tables at once, in the format directory.")
]


@app.callback()
def backup() -> None:
    """Make, list and verify backups."""


@app.command(
    epilog=examples(
        "primepos backup create",
        "primepos backup create --to /media/stick",
        "primepos backup create --to s3://shop-backups/main --keep-daily 7 --keep-weekly 4 --keep-monthly 12",
    )
)
def create(
    *,
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="PLACE", help="DIR or s3://bucket/prefix; this installation's own without it."),
    ] = None,
    dump_format: Annotated[
        Literal["custom", "plain", "directory"],
        typer.Option("--format", help="custom; plain: SQL, for tools of any kind; directory: several tables at once."),
    ] = "custom",
    jobs: JobsOption = 1,
    keep_daily: Annotated[int | None, typer.Option(min=0, help="Then keep the newest of so many days.")] = None,
    keep_weekly: Annotated[int | None, typer.Option(min=0, help="... of so many weeks.")] = None,
    keep_monthly: Annotated[int | None, typer.Option(min=0, help="... of so many months.")] = None,
    if_due: Annotated[
        bool, typer.Option("--if-due", help="Only if a night has passed without one; with the usual retention.")
    ] = False,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Back up the whole database, every tenant: dumped in one moment, encrypted with BACKUP_KEY, in place when whole.

    Selling goes on meanwhile. Nothing is deleted unless a --keep option is given; the newest good backup never is.
    """
    from primepos.adapters.backup import schedule
    from primepos.cli.backups import settings_of

    settings, clock = settings_of(env_file), SystemClock()
    if if_due:
        if not schedule.due_now(settings, clock):
            note("No backup is due.")
            return
        schedule.be_polite()
        made = schedule.automatic(bootstrap.migration_url(settings), settings, clock, reason="nightly")
        gone: list[str] = []
    else:
        made, gone = schedule.back_up(
            bootstrap.migration_url(settings),
            settings,
            clock,
            reason="manual",
            place=to,
            dump_format=dump_format,
            jobs=jobs,
            keep=_keep(keep_daily, keep_weekly, keep_monthly),
        )
    if as_json:
        emit({**_fields(made), "deleted": gone}, as_json=True)
        return
    typer.echo(made.name)
    note(
        f"{made.rows} rows of {made.tables} tables, {_size(made.size)}, in {made.took_s:.1f} s, key {made.key},"
        f" in {made.where}."
    )
    if gone:
        note(f"{len(gone)} old backup{'s' if len(gone) != 1 else ''} deleted.")


@app.command(name="list", epilog=examples("primepos backup list", "primepos backup list --from /media/stick --json"))
def list_(*, place: PlaceOption = None, env_file: EnvFileOption = None, as_json: JsonFlag = False) -> None:
    """List backups, oldest first, and say how the last automatic one went. No key is needed for that."""
    from primepos.adapters.backup import attempts, places
    from primepos.adapters.backup.reading import kept_in
    from primepos.cli.backups import settings_of

    settings = settings_of(env_file)
    store = places.store_at(place, settings)
    rows = [_row(each) for each in kept_in(store)]
    attempt = attempts.last_attempt(settings) if place is None else None
    if as_json:
        emit({"where": store.where, "backups": rows, "last_attempt": attempt}, as_json=True)
        return
    for row in rows:
        row["size"] = _size(row["size"])
    emit(rows, as_json=False, columns=("name", "created_at", "size", "reason", "revision", "key", "problem"))
    note(f"{len(rows)} in {store.where}.")
    if attempt is not None and attempt.problem is not None:
        note(f"The last automatic backup FAILED at {attempt.at:%Y-%m-%d %H:%M} UTC: {attempt.problem}")


@app.command(
    epilog=examples(
        "primepos backup verify latest",
        "primepos backup verify latest --drill",
        "primepos backup verify s3://shop-backups/main/primepos-20261122T020000Z-1a2b.ppbackup --key-file old.key",
    )
)
def verify(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A path, a name in the place, s3://..., or latest.")],
    *,
    place: PlaceOption = None,
    drill: Annotated[
        bool,
        typer.Option("--drill", help="Restore it into a scratch database, audit the books there, drop it, record it."),
    ] = False,
    key_file: KeyFileOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Read a backup to its end: every byte authentic, the digest right, the contents known to pg_restore.

    Only a drill shows that it can be restored; the deploy gate asks for one every 90 days.
    """
    from primepos.adapters.backup import facts, filling, places, reading, restoring
    from primepos.cli.backups import audit_with, key_of, settings_of
    from primepos.domain.jobs.facts import LAST_DRILL

    settings, clock = settings_of(env_file), SystemClock()
    key = key_of(settings, key_file)
    store, name = places.find_file(file, place, settings)
    done = None
    with places.at_hand(store, name) as here:
        found = reading.verify(here, name, key, pg_bin=settings.pg_bin)
        if drill:
            url = bootstrap.migration_url(settings)
            source = filling.Source(here, name, key, settings.pg_bin)
            done = restoring.drill(url, source, audit=audit_with(settings), clock=clock)
            facts.record(
                url, {LAST_DRILL: clock.now()}, operation="backup.drill", subject=f"backup:{name}", where=store.where
            )
    answer: dict[str, Any] = {
        "name": name,
        "where": store.where,
        "ok": True,
        "created_at": found.header.created_at,
        "revision": found.header.revision,
        "key": found.header.key,
        "tables": len(found.trailer.rows),
        "rows": sum(found.trailer.rows.values()),
        "dump_bytes": found.trailer.dump_bytes,
        "dump_sha256": found.trailer.dump_sha256,
        "drill": None,
    }
    if done is not None:
        drilled = ("took_s", "lost_s", "migrated", "problems")
        answer["drill"] = {each: getattr(done, each) for each in drilled}
    if as_json:
        emit(answer, as_json=True)
        return
    note(f"{name} is intact: {answer['rows']} rows of {answer['tables']} tables, {_size(found.trailer.dump_bytes)}.")
    if done is not None:
        for problem in done.problems:
            note(f"Not as it should be: {problem}")
        note(f"Restored in {done.took_s:.1f} s, the books hold; the scratch database is gone.")


@app.command(
    epilog=examples(
        "primepos backup record --backup 2026-11-22",
        "primepos backup record --drill 2026-11-01 --by 'point-in-time restore on Render'",
    )
)
def record(
    *,
    made: Annotated[
        str | None, typer.Option("--backup", metavar="DATE", help="When the platform's last backup was made.")
    ] = None,
    drilled: Annotated[
        str | None, typer.Option("--drill", metavar="DATE", help="When one of its backups was last restored.")
    ] = None,
    by: Annotated[str | None, typer.Option("--by", help="What or who did it; kept in the audit trail.")] = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Record a backup or a restore drill that was made by other means, so the deploy gate knows of it.

    DATE is a day or a moment in ISO 8601, in UTC unless it says otherwise. Nothing is checked but that it is past.
    """
    from primepos.domain.jobs.facts import LAST_BACKUP, LAST_DRILL
    from primepos.domain.jobs.service import record_success, show_facts

    if made is None and drilled is None:
        raise InvalidInput("Say what to record: --backup DATE or --drill DATE")
    for name, text in ((LAST_BACKUP, made), (LAST_DRILL, drilled)):
        if text is not None:
            session.run_in_system(record_success, {"name": name, "at": _moment(text), "by": by}, env_file=env_file)
    known = session.run_in_system(show_facts, {}, env_file=env_file)
    emit({"last_backup": known.last_backup, "last_drill": known.last_drill}, as_json=as_json)


def _moment(text: str) -> datetime:
    """Return a day's beginning or a moment, aware. Raises InvalidInput."""
    try:
        if len(text) == len("2026-11-22"):
            return datetime.combine(date.fromisoformat(text), time(), UTC)
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"{text!r} is no date; write 2026-11-22 or 2026-11-22T02:00:00Z") from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _keep(daily: int | None, weekly: int | None, monthly: int | None) -> Keep | None:
    from primepos.adapters.backup.retention import Keep

    if daily is None and weekly is None and monthly is None:
        return None
    return Keep(daily=daily or 0, weekly=weekly or 0, monthly=monthly or 0, last=1)


def _row(each: Kept) -> dict[str, Any]:
    header = each.header
    return {
        "name": each.name,
        "created_at": each.created_at,
        "size": each.size,
        "reason": header.reason if header else None,
        "database": header.database if header else None,
        "revision": header.revision if header else None,
        "format": header.format if header else None,
        "server": header.server if header else None,
        "key": header.key if header else None,
        "problem": each.problem,
    }


def _fields(record_: Any) -> dict[str, Any]:
    return {name: getattr(record_, name) for name in record_.__dataclass_fields__}


def _size(size: int) -> str:
    """Return a number of bytes as people read it: 1024 of one make the next."""
    tenths, names = size * 10, ("B", "KiB", "MiB", "GiB", "TiB")
    step = 0
    while tenths >= 10240 and step < len(names) - 1:
        tenths, step = tenths // 1024, step + 1
    return f"{size} B" if step == 0 else f"{tenths // 10}.{tenths % 10} {names[step]}"
