"""``primepos check-deploy``: may this be deployed? Runs the gate, lists and explains its checks, signs its reports."""

from __future__ import annotations

import gc
import os
import re
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from primepos.cli.options import EnvFileOption, JsonFlag, examples
from primepos.cli.output import emit, note
from primepos.core.errors import InvalidInput, RuleViolation
from primepos.deploy.check import Area, Check, Needs, Severity, catalogue
from primepos.deploy.report.formats import Format, written
from primepos.deploy.signing import Role
from primepos.deploy.signing import sign as sign_report

if TYPE_CHECKING:
    from primepos.core.settings import Settings
    from primepos.deploy.findings import Report
    from primepos.deploy.report.document import Document
    from primepos.deploy.surface import Surface
    from primepos.deploy.target import Target

COLLECT_AFTER = 2_000_000
_FROM_ENVIRONMENT = "environment"
_ID = re.compile(r"[A-Z]+[0-9]{3}")
_LISTS = {"--only", "--skip", "--require"}

EPILOG = examples(
    "primepos check-deploy                                  files and environment only",
    "primepos check-deploy --env-file production.env --database --url https://api.shop.org",
    "primepos check-deploy --only ENV001 ENV002             two checks",
    "primepos check-deploy --format sarif --output gate.sarif",
    "primepos check-deploy --format json --output report.json --compare last.json",
    "primepos check-deploy --require static,database,url    nothing may be skipped",
) + (
    "\nExit codes: 0 GO or CONDITIONAL GO; 1 NO-GO, something at or above --fail-on is wrong; 2 usage; "
    "3 a check crashed or the target does not answer."
)


class NoDatabase(InvalidInput):
    """``--database`` was given without a URL, and the environment names none either."""

    code = "NO_DATABASE"
    template = "--database needs a URL here: the environment names no database"


class UncommittedChanges(RuleViolation):
    """What would be signed is not what the commit holds."""

    code = "UNCOMMITTED_CHANGES"
    template = "A sign-off is for a commit, and these files differ from it: {files}"
    hint = "Commit them, or sign the report of another run with --report."


class BadSelection(InvalidInput):
    """What follows ``--require`` is none of the modes."""

    code = "BAD_SELECTION"
    template = "--require knows {known}, not {given}"


class _Group(TyperGroup):
    """Lets ``--database`` stand without a URL, and ``--only`` be followed by several ids."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Write such options out as the parser knows them."""
        return super().parse_args(ctx, _written_out(args))


def _written_out(args: list[str]) -> list[str]:
    done: list[str] = []
    rest = list(args)
    while rest:
        word = rest.pop(0)
        if word == "--":
            return [*done, word, *rest]
        if word == "--database":
            has_url = bool(rest) and "://" in rest[0]
            done.append(f"{word}={rest.pop(0) if has_url else _FROM_ENVIRONMENT}")
        elif word in _LISTS and rest:
            done += [word, rest.pop(0)]
            while rest and _ID.fullmatch(rest[0]):
                done += [word, rest.pop(0)]
        else:
            done.append(word)
    return done


app = typer.Typer(
    cls=_Group, invoke_without_command=True, rich_markup_mode=None, add_completion=False, subcommand_metavar="[COMMAND]"
)

ProjectOption = Annotated[
    Path | None,
    typer.Option("--project", metavar="DIR", exists=True, file_okay=False, help="The project; by default, here."),
]
FormatOption = Annotated[Format, typer.Option("--format", help="How to write the report.")]
OutputOption = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", dir_okay=False, help="Write it there instead of to stdout."),
]
RedactFlag = Annotated[bool, typer.Option("--redact", help="Hide host names and addresses.")]


def _file(name: str, text: str) -> Any:
    return typer.Option(name, metavar="FILE", exists=True, dir_okay=False, help=text)


def _folder(name: str, text: str) -> Any:
    return typer.Option(name, metavar="DIR", exists=True, file_okay=False, help=text)


@app.callback(epilog=EPILOG)
def check_deploy(
    ctx: typer.Context,
    *,
    env_file: EnvFileOption = None,
    database: Annotated[
        str | None,
        typer.Option(
            "--database", metavar="[URL]", help="Look into the database too; DATABASE_URL if no URL is given."
        ),
    ] = None,
    url: Annotated[
        str | None, typer.Option("--url", metavar="URL", help="Ask the running deployment too, at its public URL.")
    ] = None,
    frontend_url: Annotated[
        str | None, typer.Option("--frontend-url", metavar="URL", help="Ask the running frontend too.")
    ] = None,
    frontend: Annotated[Path | None, _file("--frontend", "The frontend's production settings (NEXT_PUBLIC_*).")] = None,
    frontend_build: Annotated[Path | None, _folder("--frontend-build", "The frontend's build output.")] = None,
    active: Annotated[
        bool, typer.Option("--active", help="Also what has side effects: wrong sign-ins, a test mail, a test file.")
    ] = False,
    reports: Annotated[
        Path | None, _folder("--reports", "Evidence from elsewhere: JUnit, coverage, pip-audit, load test.")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="ID..", help="Run these checks (ids or areas) and no others.")
    ] = None,
    skip: Annotated[
        list[str] | None, typer.Option("--skip", metavar="ID..", help="Leave these checks (ids or areas) out.")
    ] = None,
    fail_on: Annotated[
        Severity, typer.Option("--fail-on", help="From which severity on a failure means NO-GO.")
    ] = Severity.CRITICAL,
    require: Annotated[
        list[str] | None,
        typer.Option("--require", metavar="MODE,..", help="Fail what is skipped: static, database, url, ..."),
    ] = None,
    format_: FormatOption = Format.TABLE,
    output: OutputOption = None,
    compare: Annotated[
        Path | None, _file("--compare", "An older report (JSON): say what is fixed, new, unchanged.")
    ] = None,
    baseline: Annotated[
        Path | None, _file("--baseline", "An older report (JSON): only what is new since then counts.")
    ] = None,
    require_signoff: Annotated[
        bool, typer.Option("--require-signoff", help="Without the four sign-offs it is NO-GO.")
    ] = False,
    redact: RedactFlag = False,
    project: ProjectOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Say whether this may be deployed: GO, CONDITIONAL GO or NO-GO, with what is wrong, whose it is and by when.

    Without options it looks at the environment's variables and the project's files; nothing is changed. What was not
    run is listed, with the reason, and counts against the confidence.
    """
    if ctx.invoked_subcommand is not None:
        return
    # Looking for garbage takes a sixth of a run that ends within seconds.
    gc.set_threshold(COLLECT_AFTER)
    from primepos.deploy import gate
    from primepos.deploy.report.redact import redacted

    target = target_of(project, env_file)
    target.frontend_env, target.frontend_build, target.reports = frontend, frontend_build, reports
    target.url, target.frontend_url = url, frontend_url
    target.active, target.signoff_required = active, require_signoff
    if database is not None:
        target.database_url = _database_url(target, database)
    selection = gate.Selection(
        only=_checks(only),
        skip=_checks(skip),
        required=_required(require),
        fail_on=fail_on,
        baseline=_older(baseline),
        older=_older(compare),
    )
    try:
        report = gate.run(target, selection)
        shown = redacted(report, target) if redact else report
        _put(shown, target, Format.JSON if as_json else format_, output)
    finally:
        target.close()
    raise typer.Exit(report.exit_code)


@app.command(
    epilog=examples(
        "primepos check-deploy show report.json",
        "primepos check-deploy show report.json --format sarif --output gate.sarif",
        "primepos check-deploy show report.json --format junit --redact --env-file production.env",
    )
)
def show(
    file: Annotated[Path, typer.Argument(metavar="REPORT", exists=True, dir_okay=False, help="A report in JSON.")],
    *,
    format_: FormatOption = Format.TABLE,
    output: OutputOption = None,
    redact: RedactFlag = False,
    env_file: EnvFileOption = None,
    project: ProjectOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Write a stored report in another way, without running the gate again. The exit code is 0 whatever it says."""
    from primepos.deploy.report.redact import redacted
    from primepos.deploy.report.stored import report_of

    target = target_of(project, env_file)
    report = report_of(_read(file))
    _put(redacted(report, target) if redact else report, target, Format.JSON if as_json else format_, output)


@app.command(
    name="list",
    epilog=examples("primepos check-deploy list", "primepos check-deploy list --area migrations --json"),
)
def list_(
    *,
    area: Annotated[Area | None, typer.Option("--area", help="Only this part of the catalogue.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """List every check of the catalogue: what it is about, how bad a failure is, what it needs."""
    rows = [_row(one) for one in catalogue() if area is None or one.area is area]
    emit(rows, as_json=as_json, columns=("id", "severity", "needs", "rule"))


@app.command(epilog=examples("primepos check-deploy explain ENV002", "primepos check-deploy explain RND042 --json"))
def explain(
    check_id: Annotated[str, typer.Argument(metavar="ID", help="The check, such as ENV002.")],
    *,
    project: ProjectOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Explain one check: its rule, what to do when it fails, where it comes from, who answers for it."""
    from primepos.deploy.findings import DUE_DAYS
    from primepos.deploy.gate import UnknownCheck
    from primepos.deploy.owners import read_owners

    found = next((one for one in catalogue() if one.id == check_id.upper()), None)
    if found is None:
        raise UnknownCheck(ids=check_id)
    told = {**_row(found), "remedy": found.remedy, "anchor": found.anchor}
    told["owner"] = read_owners(target_of(project, None)).of(found)
    told["due_days"] = DUE_DAYS.get(found.severity)
    if found.unbuilt is not None:
        told["not_built"] = found.unbuilt
    emit(told, as_json=as_json)


@app.command(
    epilog=examples(
        'primepos check-deploy sign --role security --name "Ada Lovelace" --report report.json',
        'primepos check-deploy sign --role devops --name "Lin Clark" --env-file production.env',
    )
)
def sign(
    *,
    role: Annotated[Role, typer.Option("--role", help="For which role you sign.")],
    name: Annotated[str, typer.Option("--name", help="Who signs.")],
    report: Annotated[
        Path | None, _file("--report", "The report (JSON) that you have read; without it the gate runs, static only.")
    ] = None,
    env_file: EnvFileOption = None,
    project: ProjectOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Sign a report for a role; it is stored in deploy/signoffs, bound to the commit and to what the report says.

    A sign-off for another commit or another report does not count. Committing the sign-offs themselves does no harm.
    A NO-GO cannot be signed.
    """
    from primepos.deploy import gate
    from primepos.deploy.report.document import document

    if not name.strip():
        raise InvalidInput("--name is empty: a sign-off is somebody's")
    if report is None:
        target = target_of(project, env_file)
        if target.edited:
            raise UncommittedChanges(files=", ".join(target.edited))
        try:
            read = document(gate.run(target))
        finally:
            target.close()
    else:
        read = _read(report)
    path = sign_report(project or Path(), role, name.strip(), read, datetime.now(UTC))
    told = {"role": role.value, "commit": read.commit, "report_digest": read.digest, "path": path.as_posix()}
    if as_json:
        emit(told, as_json=True)
    else:
        note(f"Signed for {role.value}: commit {(read.commit or '')[:12]}, {read.verdict}. Commit {path.as_posix()}.")


def _row(one: Check) -> dict[str, Any]:
    return {
        "id": one.id,
        "area": one.area.value,
        "severity": one.severity.value,
        "needs": " ".join(need.value for need in Needs if need in one.needs),
        "rule": one.rule,
        "built": one.unbuilt is None,
    }


def target_of(project: Path | None, env_file: Path | None) -> Target:
    """Return what the gate looks at, by the environment of this process."""
    from primepos.deploy.target import Target

    return Target(
        root=(project or Path()).resolve(), environ=dict(os.environ), env_file=env_file, make_surface=_surface
    )


def _surface(settings: Settings) -> Surface:
    # By name: loading it takes the whole HTTP stack, and one face does not import another.
    made: Surface = import_module("primepos.api.surface").build_surface(settings)
    return made


def _put(report: Report, target: Target, format_: Format, output: Path | None) -> None:
    text = written(report, target, format_)
    if output is None:
        typer.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8")
        note(f"{report.verdict.value}: see {output}")


def _database_url(target: Target, given: str) -> str:
    if given != _FROM_ENVIRONMENT:
        return given
    named = target.examination.values["DATABASE_URL"]
    if not named:
        raise NoDatabase
    text: str = named.reveal()
    return text


def _checks(given: list[str] | None) -> frozenset[str]:
    """Return the ids that were named, one by one or by area; what is no area is taken for an id."""
    words = [word.strip() for text in given or () for word in text.split(",") if word.strip()]
    chosen: set[str] = set()
    for word in words:
        area = next((one for one in Area if word.lower() in {one.value, one.name.lower()}), None)
        chosen |= {word.upper()} if area is None else {one.id for one in catalogue() if one.area is area}
    return frozenset(chosen)


def _required(given: list[str] | None) -> frozenset[Needs]:
    words = [word.strip() for text in given or () for word in text.split(",") if word.strip()]
    known = {need.value for need in Needs}
    if unknown := [word for word in words if word not in known]:
        raise BadSelection(known=", ".join(sorted(known)), given=", ".join(unknown))
    return frozenset(Needs(word) for word in words)


def _older(path: Path | None) -> Document | None:
    return None if path is None else _read(path)


def _read(path: Path) -> Document:
    from primepos.deploy.report.document import read_document

    return read_document(path.read_bytes(), path.name)
