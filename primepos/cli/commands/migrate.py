"""``primepos migrate``: bring the schema up or down, say where it is, what would be done, and whether it is right."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from primepos import bootstrap
from primepos.cli.exits import ExitCode
from primepos.cli.options import EnvFileOption, JsonFlag, YesFlag, examples
from primepos.cli.output import confirm_destruction, emit, note
from primepos.core.settings import Environment, load_settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from primepos.adapters.migration_files import Revision
    from primepos.adapters.migration_lint import Report
    from primepos.adapters.migration_plan import Planned, PlanStep
    from primepos.adapters.migration_steps import Progress
    from primepos.adapters.migrations import Told

ToOption = Annotated[str, typer.Option("--to", metavar="REVISION", help="The revision to reach.")]
DryRunFlag = Annotated[bool, typer.Option("--dry-run", help="Print the SQL and change nothing.")]

SQL_SHOWN = 80

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, add_completion=False, help="Bring the database schema up to date."
)


@app.command(
    epilog=examples(
        "primepos migrate up",
        "primepos migrate up --dry-run > plan.sql",
        "primepos migrate up --to 0002 --json",
    )
)
def up(
    *,
    to: ToOption = "head",
    dry_run: DryRunFlag = False,
    stopped: Annotated[
        bool, typer.Option("--stopped", help="No process of an older release is running: contracts need not wait.")
    ] = False,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Apply what is missing, oldest first; one transaction a revision.

    Two runs at a time take turns. A revision that cannot get its locks within two seconds gives way and is tried
    again, five times, longer apart each time; nothing of it is kept in between. A contract is refused while the release
    deployed last still uses what it takes away.
    """
    from primepos.adapters import migration_files, migrations

    url = _url(env_file)
    if dry_run:
        steps = migration_files.sql_steps(migrations.state(url).current, to)
        _print_sql("".join(sql for _, sql in steps), [revision for revision, _ in steps], as_json=as_json)
        return
    with _belonging(env_file, url):
        _back_up_first(env_file, url)
        done = migrations.upgrade(url, to, told=_told("Applying"), while_serving=not stopped)
    _report("applied", done, url, as_json=as_json)


@app.command(epilog=examples("primepos migrate down --to 0002 --yes", "primepos migrate down --to base --dry-run"))
def down(
    *,
    to: Annotated[str, typer.Option("--to", metavar="REVISION", help="The revision to go back to, or base.")],
    dry_run: DryRunFlag = False,
    env_file: EnvFileOption = None,
    yes: YesFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Undo revisions, newest first. What their tables and columns held is lost."""
    from primepos.adapters import environment_tag, migration_files, migrations

    url = _url(env_file)
    environment_tag.compare(url, load_settings(env_file=env_file, component="migrate").environment)
    present = migrations.state(url).current
    steps = migration_files.to_undo(present, to)
    if dry_run:
        sql = migration_files.sql_of(present, to, down=True) if steps else ""
        _print_sql(sql, steps, as_json=as_json)
        return
    if steps:
        names = ", ".join(step.revision for step in steps)
        confirm_destruction(f"This undoes {names}; the data in what they built is lost.", yes)
    done = migrations.downgrade(url, to, told=_told("Undoing"))
    _report("undone", done, url, as_json=as_json)


@app.command(epilog=examples("primepos migrate status", "primepos migrate status --format json | jq .pending"))
def status(
    *,
    output: Annotated[
        Literal["table", "json"], typer.Option("--format", help="How to print it; --json is short for json.")
    ] = "table",
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Say where the database is and what is missing. The exit code is 0 either way; see verify."""
    from primepos.adapters import migrations

    found = migrations.state(_url(env_file))
    if as_json or output == "json":
        applied = [
            {
                "revision": each.revision,
                "at": each.at,
                "release": each.release,
                "phase": each.phase,
                "duration_ms": each.duration_ms,
            }
            for each in found.applied
        ]
        pending = [_row(each) for each in found.pending]
        current = {"current": found.current, "head": found.head, "is_current": not found.pending}
        emit({**current, "applied": applied, "pending": pending}, as_json=True)
        return
    rows = [
        *({"revision": each.revision, "status": "applied", "at": each.at} for each in found.applied),
        *({"revision": each.revision, "status": "pending", "summary": each.summary} for each in found.pending),
    ]
    emit(rows, as_json=False, columns=("revision", "status", "at", "summary"))
    note("The schema is up to date." if not found.pending else f"{len(found.pending)} pending: primepos migrate up")


@app.command(epilog=examples("primepos migrate plan", "primepos migrate plan --json", "primepos migrate plan --sql"))
def plan(
    *,
    to: ToOption = "head",
    sql: Annotated[bool, typer.Option("--sql", help="Print every statement too.")] = False,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Say what ``up`` would do: each statement that locks, writes anew or reads a table in use, and what lint says.

    Tables that the same plan creates are in nobody's use and left out. JSON has every statement.
    """
    from primepos.adapters import migration_plan, migrations

    steps = migration_plan.plan(migrations.state(_url(env_file)).current, to)
    if as_json:
        emit([_planned(step) for step in steps], as_json=True)
        return
    if not steps:
        note("Nothing to do: the schema is up to date.")
        return
    rows = [
        {**_row(step.revision), "statements": len(step.statements), "findings": "; ".join(step.findings)}
        for step in steps
    ]
    emit(rows, as_json=False, columns=("revision", "phase", "statements", "summary", "findings"))
    told = [_told_statement(step, each) for step in steps for each in step.statements if _matters(each)]
    if told:
        typer.echo("")
        emit(told, as_json=False, columns=("revision", "line", "locks", "rewrites", "scans", "findings", "sql"))
    if sql:
        typer.echo("".join(f"{each.sql};\n\n" for step in steps for each in step.statements))


@app.command(epilog=examples("primepos migrate verify", "primepos migrate verify --json"))
def verify(*, env_file: EnvFileOption = None, as_json: JsonFlag = False) -> None:
    """Check that the schema is the one this release expects; exit code 1 when it is not.

    The newest revision, tables exactly as the models declare them, forced row-level security on every tenant's
    table, and migrations that were not edited after they were applied.
    """
    from primepos.adapters import migrations

    found = migrations.verify(_url(env_file))
    if as_json:
        emit({"ok": not found, "problems": found}, as_json=True)
    elif found:
        emit(found, as_json=False)
    else:
        note("The schema is right.")
    if found:
        raise typer.Exit(ExitCode.FAILED)


@app.command(
    epilog=examples(
        "primepos migrate lint",
        "primepos migrate lint --history --fail-on high",
        "primepos migrate lint changes.sql --json | jq '.findings[].rule'",
    )
)
def lint(
    files: Annotated[
        list[Path] | None,
        typer.Argument(exists=True, dir_okay=False, help="SQL files or revisions; by default every revision."),
    ] = None,
    *,
    history: Annotated[
        bool, typer.Option("--history", help="Look at revisions too that are applied in shops already.")
    ] = False,
    fail_on: Annotated[
        Literal["critical", "high", "medium", "low"], typer.Option(help="The least that ends with exit code 1.")
    ] = "low",
    directory: Annotated[
        Path | None, typer.Option("--directory", hidden=True, file_okay=False, help="Where the migrations are.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Look through migrations for what would hold up a shop that is open, or lose its data; no database is asked.

    Exit code 1 when something is found. A rule is let off above the statement that breaks it, for a while:
    -- primepos: allow MIG040 until=2026-12-31 reason=why
    """
    from primepos.adapters import migration_lint
    from primepos.adapters.migration_rules import Severity

    report = migration_lint.lint(files or (), location=directory, history=not history)
    if as_json:
        emit(
            {
                "ok": not report.findings,
                "findings": report.findings,
                "allowed": report.allowed,
                "files": report.files,
                "statements": report.statements,
                "history": report.history,
            },
            as_json=True,
        )
    else:
        for each in report.findings:
            typer.echo(str(each))
        _tell_lint(report)
    if report.at_least(Severity(fail_on)):
        raise typer.Exit(ExitCode.FAILED)


@app.command(
    epilog=examples(
        'primepos migrate new "add gift cards"',
        'primepos migrate new "fill in the channel of sales" --phase migrate',
        'primepos migrate new "drop old prices" --phase contract --unused-since 0.3.0',
    )
)
def new(
    message: Annotated[str, typer.Argument(help="What it does, in a few words; becomes the file's name.")],
    *,
    phase: Annotated[
        Literal["expand", "migrate", "contract"],
        typer.Option(
            help="expand: releases before and after can work with it; migrate: fills in and validates what an expand"
            " added; contract: takes away what no running release uses."
        ),
    ] = "expand",
    unused_since: Annotated[
        str,
        typer.Option("--unused-since", metavar="RELEASE", help="The release that stopped using it; for a contract."),
    ] = "",
    directory: Annotated[
        Path | None, typer.Option("--directory", hidden=True, file_okay=False, help="Where the migrations are.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Write an empty migration into migrations/versions, called after the moment and the message."""
    from primepos.adapters import migration_files

    if (phase == "contract") != bool(unused_since):
        raise typer.BadParameter(
            "a contract, and only a contract, says --unused-since which release", param_hint="--phase"
        )
    path = migration_files.new_revision(message, phase=phase, unused_since=unused_since, location=directory)
    if as_json:
        emit({"path": str(path)}, as_json=True)
    else:
        typer.echo(str(path))


@app.command(epilog=examples("PRIMEPOS_ENV=staging primepos migrate adopt --yes"))
def adopt(*, env_file: EnvFileOption = None, yes: YesFlag = False, as_json: JsonFlag = False) -> None:
    """Let the database belong to this environment from now on, such as a copy of production to staging.

    A migrated database remembers its environment, and processes of another one refuse to work on it.
    """
    from primepos.adapters import environment_tag

    settings = load_settings(env_file=env_file, component="migrate")
    url = bootstrap.migration_url(settings)
    before = environment_tag.tag_of(url)
    if before not in {None, settings.environment.value}:
        confirm_destruction(f"This database belongs to {before}; it will be {settings.environment.value}'s.", yes)
    now = environment_tag.claim(url, settings.environment, anew=True)
    if as_json:
        emit({"before": before, "environment": now}, as_json=True)
    else:
        note(f"The database belongs to {now}.")


def _belonging(env_file: Path | None, url: str) -> AbstractContextManager[None]:
    """Refuse another environment's database, and claim one that is nobody's; the embedded one is this machine's."""
    from primepos.adapters import environment_tag

    settings = load_settings(env_file=env_file, component="migrate")
    if settings.migration_database_url is None:
        return nullcontext()
    return environment_tag.belonging(url, settings.environment)


def _back_up_first(env_file: Path | None, url: str) -> None:
    """Back up a shop on one PC before its schema changes; elsewhere whoever runs the database does."""
    settings = load_settings(env_file=env_file, component="migrate")
    if settings.environment is not Environment.SHOP:
        return
    from primepos.adapters.backup.schedule import before_migration
    from primepos.core.clock import SystemClock

    made = before_migration(url, settings, SystemClock())
    if made is not None:
        note(f"Backed up first: {made.name}")


def _url(env_file: Path | None) -> str:
    return bootstrap.migration_url(load_settings(env_file=env_file, component="migrate"))


def _planned(step: PlanStep) -> dict[str, Any]:
    each = [
        {
            "sql": one.sql,
            "line": one.line,
            "locks": [{"table": lock.table, "mode": lock.mode} for lock in one.locks],
            "rewrites": one.rewrites,
            "scans": one.scans,
            "in_transaction": one.in_transaction,
            "step": one.step,
            "findings": one.findings,
        }
        for one in step.statements
    ]
    return {
        **_row(step.revision),
        "statements": len(each),
        "locks": step.locks,
        "rewrites": step.rewrites,
        "findings": step.findings,
        "each": each,
    }


def _matters(each: Planned) -> bool:
    return bool(each.locks or each.rewrites or each.scans or each.findings or each.step)


def _told_statement(step: PlanStep, each: Planned) -> dict[str, Any]:
    return {
        "revision": step.revision.revision,
        "line": each.line,
        "locks": ", ".join(map(str, each.locks)),
        "rewrites": ", ".join(each.rewrites),
        "scans": ", ".join(each.scans),
        "findings": "; ".join(each.findings),
        "sql": " ".join(each.sql.split())[:SQL_SHOWN],
    }


def _row(revision: Revision) -> dict[str, Any]:
    return {
        "revision": revision.revision,
        "file": revision.file,
        "summary": revision.summary,
        "phase": revision.phase,
        "sha256": revision.sha256,
    }


def _tell_lint(report: Report) -> None:
    for rule, instead in sorted({(each.rule, each.instead) for each in report.findings}):
        note(f"{rule}: {instead}")
    for each in report.allowed:
        if each.allowed is not None:
            note(f"{each.path}:{each.line}: {each.rule} allowed until {each.allowed.until}: {each.allowed.reason}")
    looked = f"{report.statements} statements in {report.files} files"
    left_out = f"; {report.history} revisions are history" if report.history else ""
    note(f"{len(report.findings)} found in {looked}{left_out}.")


def _told(verb: str) -> Told:
    from primepos.adapters.migrations import Told

    return Told(
        step=lambda revision: note(f"{verb} {revision.revision}: {revision.summary}"),
        wait=lambda: note("Another migration is running; waiting for its end."),
        removed=lambda index: note(f"Removed the index {index.name} on {index.table}, which was never finished."),
        progress=_tell_progress(),
    )


def _tell_progress() -> Callable[[Progress], None]:
    """Return what tells how far a backfill is: each tenth of the table, not each batch."""
    tenths: dict[str, int] = {}

    def tell(progress: Progress) -> None:
        tenth = 10 * progress.seen // max(progress.about, progress.seen, 1)
        if tenth != tenths.get(progress.table):
            tenths[progress.table] = tenth
            note(f"  {progress.table}: {progress.seen} rows of about {progress.about}, {progress.changed} changed")

    return tell


def _print_sql(sql: str, steps: list[Revision], *, as_json: bool) -> None:
    if as_json:
        emit({"revisions": [step.revision for step in steps], "sql": sql}, as_json=True)
    elif steps:
        typer.echo(sql)
    else:
        note("Nothing to do.")


def _report(what: str, done: list[Revision], url: str, *, as_json: bool) -> None:
    from primepos.adapters import migrations

    if as_json:
        emit({what: [step.revision for step in done], "current": migrations.current(url)}, as_json=True)
    elif done:
        note(f"{len(done)} revision{'s' if len(done) != 1 else ''} {what}.")
    else:
        note("Nothing to do: the schema is there already.")
