"""``primepos doctor``: what is wrong here, what an error means, does mail go out, and what to send to who helps."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from primepos.cli.exits import ExitCode
from primepos.cli.options import EnvFileOption, JsonFlag, examples
from primepos.cli.output import cell_text, emit, note
from primepos.core.errors import Conflict, InvalidInput
from primepos.core.settings import Secret, load_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from primepos.core.errors import PrimePOSError
    from primepos.deploy.doctor.patient import Patient

STDIN_CAP = 4 * 1024 * 1024
# By name: a face does not import another, and only `explain` needs to know what they refuse with.
SPEAKING = (
    "primepos.adapters.backup", "primepos.adapters.mail", "primepos.adapters.migrations", "primepos.api.serving",
    "primepos.deploy.gate", "primepos.till.till", "primepos.worker",
)  # fmt: skip

UrlOption = Annotated[
    str | None, typer.Option("--url", metavar="URL", help="Also look at the deployment that answers here.")
]


class NothingToExplain(InvalidInput):
    """Neither a code nor a text was given."""

    code = "NOTHING_TO_EXPLAIN"
    template = "Give a code, a line of a log, or the log itself on stdin"


class BundleExists(Conflict):
    """A file of that name is there already."""

    code = "BUNDLE_EXISTS"
    template = "{path} is there already"
    hint = "Choose another name with --output."


app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    help="Say what is wrong with this installation, and what to do.",
    epilog=examples(
        "primepos doctor",
        "primepos doctor --json | jq '.steps[] | select(.health == \"bad\")'",
        "primepos doctor explain DOC05",
        "primepos doctor email --to you@your.shop",
    ),
)


@app.callback(invoke_without_command=True)
def doctor(context: typer.Context, *, env_file: EnvFileOption = None, as_json: JsonFlag = False) -> None:
    """Look at the environment, the disk, the port, the database, migrations, the clock, the worker and mail.

    Every step is taken and reported, whatever the others found; nothing is changed. Exit code 1 when one is bad.
    """
    if context.invoked_subcommand is not None:
        return
    from primepos.deploy.doctor import steps

    patient = _patient(env_file)
    try:
        found = steps.diagnose(patient)
    finally:
        patient.close()
    well = steps.is_well(found)
    if as_json:
        emit({"ok": well, "steps": found}, as_json=True)
    else:
        emit(found, as_json=False, columns={"name": "step", "health": "health", "evidence": "seen", "fix": "to do"})
        codes = list(dict.fromkeys(code for step in found if step.health is steps.Health.BAD for code in step.codes))
        note("All is well." if well else f"More: primepos doctor explain {codes[0] if codes else 'TEXT'}")
    if not well:
        raise typer.Exit(ExitCode.FAILED)


@app.command(
    epilog=examples(
        "primepos doctor explain DOC06",
        "primepos doctor explain 'No migrations to apply'",
        "primepos doctor explain PORT_TAKEN HTTP063",
        "tail -200 primepos.log | primepos doctor explain",
        "primepos doctor explain DOC02 --url https://api.your.shop",
    )
)
def explain(
    text: Annotated[list[str] | None, typer.Argument(help="A code, or what the log says; without it, stdin.")] = None,
    *,
    url: UrlOption = None,
    token_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", exists=True, dir_okay=False, help="For DOC05: a token; else PRIMEPOS_TOKEN."),
    ] = None,
    active: Annotated[
        bool, typer.Option("--active", help="Allow what leaves traces outside: a file in the bucket, then gone.")
    ] = False,
    most: Annotated[int, typer.Option("--most", min=1, max=20, help="At most this many explanations.")] = 5,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Explain an error: its cause, what is seen here and now, what to run, and the checks that would find it.

    Knows DOC01 to DOC08, every error code of PrimePOS, every check of the gate, and the words that logs use for them.
    """
    from primepos.deploy.doctor.explain import explain as explained
    from primepos.deploy.doctor.explain import lines_of

    asked = " ".join(text) if text else _stdin()
    if not asked.strip():
        raise NothingToExplain
    token = token_file.read_text(encoding="utf-8", errors="replace") if token_file else os.environ.get("PRIMEPOS_TOKEN")
    patient = _patient(env_file, url=url, active=active, token=None if token is None else Secret(token.strip()))
    try:
        found = explained(asked, patient, codes=_codes(), checks=_checks(), most=most)
    finally:
        patient.close()
    if as_json:
        emit(found, as_json=True)
    else:
        for line in lines_of(found):
            typer.echo(cell_text(line) if line else "")


@app.command(
    epilog=examples(
        "primepos doctor email --to you@your.shop", "primepos doctor email --to you@your.shop --env-file production.env"
    )
)
def email(
    *,
    to: Annotated[str, typer.Option("--to", metavar="ADDRESS", help="Who gets the mail.")],
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Send a real mail the way EMAIL_* says, and report each step: connected, secured, signed in, taken.

    That the server took it is not that it arrived: look into the mailbox, the folder for spam too.
    """
    from primepos.adapters.mail import Mail, build_mailer

    settings = load_settings(env_file=env_file, component="jobs")
    taken: list[str] = []

    def told(step: str) -> None:
        taken.append(step)
        if not as_json:
            note(step)

    sent = build_mailer(settings, told=told).send(
        Mail(
            to=to,
            about="PrimePOS can send mail",
            text=(
                "This mail was sent by `primepos doctor email`, to see whether mail goes out.\n"
                f"Sent at {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC by way of {settings.email_backend.value}. "
                "Nobody needs to answer.\n"
            ),
        )
    )
    report: dict[str, Any] = {
        "to": to, "backend": settings.email_backend.value, "message_id": sent.message_id, "reply": sent.reply,
        "steps": taken,
    }  # fmt: skip
    emit(report if as_json else {name: value for name, value in report.items() if name != "steps"}, as_json=as_json)


@app.command(
    epilog=examples(
        "primepos doctor bundle",
        "primepos doctor bundle --output help.zip --log primepos.log",
        "primepos doctor bundle --redact             hosts and database names too",
    )
)
def bundle(
    *,
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", dir_okay=False, help="Where to write it.")
    ] = None,
    log: Annotated[
        Path | None,
        typer.Option("--log", metavar="FILE", exists=True, dir_okay=False, help="Add the last lines of this log."),
    ] = None,
    redact: Annotated[bool, typer.Option("--redact", help="Also replace names of hosts and of the database.")] = False,
    checks: Annotated[bool, typer.Option("--checks/--no-checks", help="Run the static checks of the gate too.")] = True,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Write a support bundle: versions, settings, diagnosis, schema, figures, checks and log, without secrets.

    Look through it before you send it. The file is readable by you alone.
    """
    from primepos.deploy.doctor.bundle import write_bundle

    patient = _patient(env_file)
    stamp = f"{datetime.now(UTC):%Y%m%d-%H%M%S}"
    path = output or Path(f"primepos-support-{stamp}.zip")
    try:
        parts = write_bundle(
            path, patient, log_file=log, anonymous=redact,
            check_report=(lambda: _static_report(env_file)) if checks else None,
        )  # fmt: skip
    except FileExistsError:
        raise BundleExists(path=str(path)) from None
    finally:
        patient.close()
    if as_json:
        emit({"file": str(path), "parts": parts}, as_json=True)
    else:
        emit(parts, as_json=False, columns=("name", "size", "problem"))
        note(f"Written to {path}")


def _patient(env_file: Path | None, **more: Any) -> Patient:
    from primepos.deploy.doctor.patient import Patient

    return Patient(env_file=env_file, **more)


def _stdin() -> str:
    if sys.stdin.isatty():
        return ""
    text = sys.stdin.read(STDIN_CAP)
    return text if isinstance(text, str) else ""


def _codes() -> Mapping[str, type[PrimePOSError]]:
    from primepos.deploy.doctor.explain import known_codes

    for module in SPEAKING:
        import_module(module)
    return known_codes()


def _checks() -> Mapping[str, Any]:
    from primepos.deploy.check import catalogue

    return {one.id: one for one in catalogue()}


def _static_report(env_file: Path | None) -> Any:
    """Return the report of the static checks, as the gate writes it."""
    from primepos.deploy import gate
    from primepos.deploy.report.document import document
    from primepos.deploy.target import Target

    target = Target(root=Path.cwd(), environ=dict(os.environ), env_file=env_file)
    try:
        return document(gate.run(target))
    finally:
        target.close()
