"""``primepos release``: what a platform runs before it sends traffic to a new release."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from primepos.cli.options import EnvFileOption, JsonFlag, examples
from primepos.cli.output import emit, note
from primepos.core.errors import InvalidInput
from primepos.core.settings import load_settings
from primepos.deploy.check import Severity

if TYPE_CHECKING:
    from primepos.adapters.migration_files import Revision
    from primepos.deploy.findings import Finding, Report
    from primepos.deploy.release import Released

from primepos.cli.commands.check_deploy import ProjectOption, target_of


class ReasonMissing(InvalidInput):
    """Passing by the gate needs a reason that stays in the log."""

    code = "REASON_MISSING"
    template = "--skip-gate needs --reason TEXT, which stays in the log"


app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(
    epilog=examples(
        "primepos release                                       preDeployCommand of render.yaml",
        "primepos release --env-file production.env --json",
        'primepos release --skip-gate --reason "INC-42, roll forward"',
    )
    + "\nExit codes: 0 released; 1 NO-GO; 3 a check crashed or the database does not answer; 78 an unfit environment."
)
def release(
    *,
    env_file: EnvFileOption = None,
    fail_on: Annotated[
        Severity, typer.Option("--fail-on", help="From which severity on a failure means NO-GO.")
    ] = Severity.CRITICAL,
    skip_gate: Annotated[
        bool, typer.Option("--skip-gate", help="Migrate whatever the gate would say; needs --reason.")
    ] = False,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why the gate is passed by.")] = "",
    project: ProjectOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Run the gate, migrate the database, and check the database; one executable, as Render's preDeploy wants it.

    If the gate says NO-GO nothing is touched. If a check of the database fails after the migrations the release fails
    too, and the old one goes on serving. Two releases at the same time take turns.
    """
    if skip_gate and not reason.strip():
        raise ReasonMissing
    settings = load_settings(env_file=env_file, component="release")
    if settings.database_url is None:
        raise InvalidInput("A release needs a database: set DATABASE_URL")
    from primepos.deploy.release import release as run_release

    target = target_of(project, env_file)
    target.database_url = settings.database_url.reveal()
    if skip_gate:
        note(f"THE GATE WAS SKIPPED by {_who()}: {reason.strip()}")
    try:
        done = run_release(
            target,
            (settings.migration_database_url or settings.database_url).reveal(),
            migrate=_migrate,
            fail_on=fail_on,
            skip_gate=skip_gate,
            on_gate=lambda report: _tell("Before", report),
        )
    finally:
        target.close()
    if done.after is not None:
        _tell("After", done.after)
    if as_json:
        emit(_told(done, reason.strip() if skip_gate else None), as_json=True)
    elif done.exit_code:
        note("Not released." if done.after is None else "Not released: the schema is migrated, the old one serves on.")
    else:
        note(f"Released: {len(done.applied)} revision{'' if len(done.applied) == 1 else 's'} applied.")
    raise typer.Exit(done.exit_code)


def _migrate(url: str) -> list[Revision]:
    from primepos.adapters import migrations

    told = migrations.Told(
        step=lambda step: note(f"Applying {step.revision}: {step.summary}"),
        wait=lambda: note("Another migration is running; waiting for its end."),
        removed=lambda index: note(f"Removed the index {index.name} on {index.table}, which was never finished."),
    )
    # The release before serves until this one does.
    return migrations.upgrade(url, told=told, while_serving=True)


def _tell(when: str, report: Report) -> None:
    """Say on stderr what was found, worst first; the whole report is that of check-deploy."""
    from primepos.deploy.findings import NOT_ASKED
    from primepos.deploy.report.wording import STATUS_WORDS, worst_first

    of = f"{report.executed} of {sum(one.evidence != NOT_ASKED for one in report.findings)} checks"
    note(f"{when} the migrations: {report.verdict.value}, {of} gave an answer")
    for one in worst_first(report):
        note(f"  {one.check.id} {STATUS_WORDS[one.status]} {one.severity.value}: {one.evidence}")
        if one.remedy:
            note(f"    To do: {one.remedy}")


def _told(done: Released, skipped: str | None) -> dict[str, Any]:
    return {
        "released": done.exit_code == 0,
        "gate_skipped": None if skipped is None else {"by": _who(), "reason": skipped},
        "before": _part(done.before),
        "applied": [step.revision for step in done.applied],
        "after": _part(done.after),
    }


def _part(report: Report | None) -> dict[str, Any] | None:
    if report is None:
        return None
    return {
        "verdict": report.verdict.value,
        "executed": report.executed,
        "open": [_row(one) for one in report.findings if one.is_open],
    }


def _row(one: Finding) -> dict[str, str]:
    return {
        "id": one.check.id,
        "severity": one.severity.value,
        "status": one.status.value,
        "evidence": one.evidence,
        "remedy": one.remedy,
    }


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container's user without a name.
        return "somebody"
