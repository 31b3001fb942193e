"""``primepos restore``: bring a backup back, beside what is there or in its place."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from primepos import bootstrap
from primepos.cli.commands.backup import JobsOption, KeyFileOption, PlaceOption
from primepos.cli.options import EnvFileOption, JsonFlag, YesFlag, examples
from primepos.cli.output import confirm_destruction, emit, note
from primepos.core.clock import SystemClock
from primepos.core.errors import InvalidInput

_MOST_PROBLEMS = 10

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(
    epilog=examples(
        "primepos restore latest --yes                          into an empty database",
        "primepos restore latest --replace --yes                what is there now stands aside",
        "primepos restore shop.ppbackup --into looking_back     beside it, to look at",
        "primepos restore shop.ppbackup --into postgresql://...  into an empty database elsewhere",
        "primepos restore --undo --yes                          put back what stands aside",
        "primepos restore --list-aside",
        "primepos restore --drop-aside primepos_before_20261122t140457z --yes",
    )
)
def restore(
    file: Annotated[
        str | None, typer.Argument(metavar="FILE", help="A path, a name in the place, s3://..., or latest.")
    ] = None,
    *,
    place: PlaceOption = None,
    into: Annotated[
        str | None,
        typer.Option("--into", metavar="NAME|URL", help="A new database on this server, or an empty one anywhere."),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="The database in service may go aside, under a dated name.")
    ] = False,
    disconnect: Annotated[bool, typer.Option("--disconnect", help="End the connections of others first.")] = False,
    accept_problems: Annotated[
        bool, typer.Option("--accept-problems", help="Take a copy whose books do not hold, since they did not before.")
    ] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Put the newest database that stands aside back.")] = False,
    list_aside: Annotated[bool, typer.Option("--list-aside", help="List the databases that stand aside.")] = False,
    drop_aside: Annotated[
        str | None, typer.Option("--drop-aside", metavar="NAME", help="Delete a database that stands aside.")
    ] = None,
    jobs: JobsOption = 1,
    key_file: KeyFileOption = None,
    env_file: EnvFileOption = None,
    yes: YesFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Restore a backup: read to its end first, restored beside what is in service, compared, its books audited.

    Only then the copy takes the database's place, in one step; what was there stands aside until --drop-aside. Ended
    at any moment before that step, whatever was in service still is. Roles, rights and policies are restored with it,
    and an older schema is brought up to date.
    """
    from primepos.adapters.backup import restoring
    from primepos.cli.backups import settings_of

    if [file is not None, undo, list_aside, drop_aside is not None].count(True) != 1:
        raise InvalidInput("Name a backup, or say --undo, --list-aside or --drop-aside NAME")
    settings, clock = settings_of(env_file), SystemClock()
    url = bootstrap.migration_url(settings)
    if list_aside:
        emit([{"name": name} for name in restoring.standing_aside(url)], as_json=as_json)
        return
    if drop_aside is not None:
        confirm_destruction(f"This deletes the database {drop_aside} for good.", yes)
        restoring.drop_aside(url, drop_aside)
        emit({"dropped": drop_aside}, as_json=as_json)
        return
    if undo:
        confirm_destruction("This puts the database that stands aside back in service.", yes)
        back, aside = restoring.undo(url, clock=clock, disconnect=disconnect)
        emit({"restored": back, "aside": aside}, as_json=as_json)
        return
    assert file is not None  # noqa: S101 - one of the three is given
    _restore(
        file,
        url,
        settings,
        place,
        into,
        key_file,
        jobs=jobs,
        accept=accept_problems,
        yes=yes,
        replace=replace,
        disconnect=disconnect,
        as_json=as_json,
    )


def _restore(
    file: str,
    url: str,
    settings: Any,
    place: str | None,
    into: str | None,
    key_file: Any,
    *,
    jobs: int,
    accept: bool,
    yes: bool,
    replace: bool,
    disconnect: bool,
    as_json: bool,
) -> None:
    from primepos.adapters import environment_tag
    from primepos.adapters.backup import filling, places, restoring
    from primepos.cli.backups import audit_with, key_of

    clock, audit = SystemClock(), audit_with(settings)
    store, name = places.find_file(file, place, settings)
    if into is None:
        confirm_destruction(
            f"This puts {name} in the place of the database {filling.database_of(url)}"
            f"{', which then stands aside' if replace else ''}.",
            yes,
        )
    with places.at_hand(store, name) as here:
        source = filling.Source(here, name, key_of(settings, key_file), settings.pg_bin, jobs, accept)
        if into is None:
            done = restoring.restore_in_place(
                url, source, audit=audit, clock=clock, replace=replace, disconnect=disconnect
            )
        elif "://" in into:
            done = restoring.restore_into(into, source, audit=audit, clock=clock)
        else:
            done = restoring.restore_beside(url, into, source, audit=audit, clock=clock)
    if as_json:
        emit({each: getattr(done, each) for each in done.__dataclass_fields__}, as_json=True)
        return
    held = "" if done.problems else "; the books hold"
    note(f"{done.rows} rows of {done.tables} tables restored into {done.database} in {done.took_s:.1f} s{held}.")
    note(f"What was booked after {done.created_at:%Y-%m-%d %H:%M:%S} UTC is not in it.")
    for problem in done.problems[:_MOST_PROBLEMS]:
        note(f"Not as it should be: {problem}")
    if done.migrated:
        note(f"The schema was brought up to date: {', '.join(done.migrated)}.")
    whose = environment_tag.tag_of(
        into if into is not None and "://" in into else filling.at_database(url, done.database)
    )
    if whose not in {None, settings.environment.value}:
        note(f"The copy belongs to {whose}: `primepos migrate adopt` lets {settings.environment.value} work with it.")
    if done.aside is not None:
        note(f"What was there is now {done.aside}: `primepos restore --undo` puts it back.")
