"""``primepos env``: check, list, explain, generate, template and diff the environment's variables.

Nothing here writes a key or shows a secret, `env generate` excepted, whose whole purpose it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from primepos.cli.options import EnvFileOption, JsonFlag, examples
from primepos.cli.output import emit, note
from primepos.core.errors import InvalidInput, NotFound
from primepos.core.settings import BadEnvironment, Environment, Examination, examine
from primepos.core.settings_docs import default_text, env_template, frontend_template
from primepos.core.settings_frontend import frontend_problems
from primepos.core.settings_keys import GENERATED, generate_value
from primepos.core.settings_names import name_problems, nearest
from primepos.core.settings_registry import ALIASES, BY_NAME, REGISTRY, Variable
from primepos.core.settings_rules import Problem
from primepos.core.settings_shown import shown_source, shown_value
from primepos.core.settings_sources import read_env_file

PROBLEM_COLUMNS = {"field": "variable", "severity": "severity", "problem": "problem"}
_DIFFERENT = 1


class Component(StrEnum):
    """An entrance of PrimePOS; each needs its own part of the variables."""

    SERVE = "serve"
    WORKER = "worker"
    RELEASE = "release"
    JOBS = "jobs"
    MIGRATE = "migrate"
    TILL = "till"
    CLI = "cli"


class Format(StrEnum):
    """How an answer is printed."""

    TABLE = "table"
    JSON = "json"


FormatOption = Annotated[Format, typer.Option("--format", help="How to print it; --json is short for json.")]


class UnknownVariable(NotFound):
    """No setting has this name."""

    code = "UNKNOWN_VARIABLE"
    template = "There is no setting {name}"


class NotGenerated(InvalidInput):
    """The variable is not a random secret, so there is nothing to generate."""

    code = "NOT_GENERATED"
    template = "{name} is not made at random; random are {random}"


app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, add_completion=False, help="Check and explain the environment."
)


@app.command(
    epilog=examples(
        "primepos env check",
        "primepos env check --component migrate",
        "primepos env check --env-file production.env --json | jq .problems",
        "primepos env check --frontend web/.env.production",
    )
)
def check(
    *,
    component: Annotated[Component, typer.Option(help="Whose variables to check.")] = Component.SERVE,
    frontend: Annotated[
        Path | None,
        typer.Option(metavar="FILE", exists=True, dir_okay=False, help="Also check a frontend's file (NEXT_PUBLIC_*)."),
    ] = None,
    env_file: EnvFileOption = None,
    format_: FormatOption = Format.TABLE,
    as_json: JsonFlag = False,
) -> None:
    """Say everything that is wrong with the environment, all at once.

    Exit code 78 when something would stop the component from starting; advice alone is 0.
    """
    found = examine(env_file=env_file, component=component.value, make_keys=False)
    problems = [*found.problems, *name_problems(found.unknown)]
    if frontend is not None:
        problems += frontend_problems(read_env_file(frontend), found)
    fatal = [problem for problem in problems if problem.fatal]
    report: dict[str, Any] = {
        "environment": found.environment.value,
        "component": component.value,
        "ok": not fatal,
        "set": len(found.raw),
        "problems": [{**problem.as_dict(), "fatal": problem.fatal} for problem in problems],
    }
    if as_json or format_ is Format.JSON:
        emit(report, as_json=True)
    elif not fatal:
        note(f"The environment is fit for {component.value} in {found.environment.value}.")
        _print_advice(problems)
    if fatal:
        raise BadEnvironment(found.environment, fatal)


@app.command(name="list", epilog=examples("primepos env list", "primepos env list --set", "primepos env list --json"))
def list_(
    *,
    only_set: Annotated[bool, typer.Option("--set", help="Only what is set somewhere.")] = False,
    env_file: EnvFileOption = None,
    format_: FormatOption = Format.TABLE,
    as_json: JsonFlag = False,
) -> None:
    """List every setting with where its value comes from; secrets are shown as length and digest prefix."""
    found = examine(env_file=env_file, component="env", make_keys=False)
    rows = [_row(variable, found) for variable in REGISTRY if not only_set or variable.name in found.raw]
    emit(rows, as_json=as_json or format_ is Format.JSON, columns=("name", "source", "value"))


@app.command(epilog=examples("primepos env explain DATABASE_URL", "primepos env explain LOGS_LEVEL --json"))
def explain(
    name: Annotated[str, typer.Argument(help="The variable.")],
    *,
    env_file: EnvFileOption = None,
    format_: FormatOption = Format.TABLE,
    as_json: JsonFlag = False,
) -> None:
    """Explain one setting: what it is for, its rule, its default, where its value comes from, what is wrong."""
    variable = _variable(name)
    found = examine(env_file=env_file, component="env", make_keys=False)
    told = {
        **_row(variable, found),
        "help": variable.help,
        "type": variable.kind,
        "group": variable.group,
        "required_when": variable.required_when,
        "rule": variable.rule,
        "default": default_text(variable),
        "secret": variable.secret,
        "aliases": list(variable.aliases),
        "problems": [problem.as_dict()["problem"] for problem in found.problems if problem.variable == variable.name],
    }
    emit(told, as_json=as_json or format_ is Format.JSON)


@app.command(
    epilog=examples(
        "primepos env generate SECRET_KEY", "primepos env generate >> production.env", "primepos env generate --json"
    )
)
def generate(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="One secret; without it, all of them.")] = None,
    *,
    format_: FormatOption = Format.TABLE,
    as_json: JsonFlag = False,
) -> None:
    """Print fresh random secrets, ready to be pasted where secrets are kept. Nothing is stored."""
    if name is not None:
        variable = _variable(name)
        if variable.name not in GENERATED:
            raise NotGenerated(name=variable.name, random=", ".join(GENERATED))
        value = generate_value(variable.name)
        if as_json or format_ is Format.JSON:
            emit({"name": variable.name, "value": value}, as_json=True)
        else:
            typer.echo(value)
        return
    made = {one: generate_value(one) for one in GENERATED}
    if as_json or format_ is Format.JSON:
        emit(made, as_json=True)
    else:
        typer.echo("\n".join(f"{one}={value}" for one, value in made.items()))


@app.command(
    epilog=examples(
        "primepos env template > .env",
        "primepos env template --for production --json",
        "primepos env template --frontend --env-file production.env > web/.env.production",
    )
)
def template(
    *,
    environment: Annotated[
        Environment, typer.Option("--for", help="The environment to write for.")
    ] = Environment.DEVELOPMENT,
    frontend: Annotated[
        bool, typer.Option("--frontend", help="The web frontend's production file instead, for the API of --env-file.")
    ] = False,
    env_file: EnvFileOption = None,
    format_: FormatOption = Format.TABLE,
    as_json: JsonFlag = False,
) -> None:
    """Print a settings file with every variable and its explanation; what is required stands open."""
    if frontend:
        found = examine(env_file=env_file, component="env", make_keys=False)
        public: str = found.values["PUBLIC_BASE_URL"]
        told = "frontend"
        text = frontend_template(public if public.startswith("https://") else "")
        required = [variable.name for variable in REGISTRY if variable.group == "Frontend"]
    else:
        told, text = environment.value, env_template(environment)
        required = [variable.name for variable in REGISTRY if environment in variable.required_in]
    if as_json or format_ is Format.JSON:
        emit({"environment": told, "required": required, "text": text}, as_json=True)
    else:
        typer.echo(text, nl=False)


@app.command(epilog=examples("primepos env diff production.env", "primepos env diff .env.example --json"))
def diff(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A settings file.")],
    *,
    format_: FormatOption = Format.TABLE,
    as_json: JsonFlag = False,
) -> None:
    """Compare a settings file with this process's environment; exit code 1 when they differ.

    Values are compared, never shown: ``missing`` is set here and not in the file, ``extra`` the other way round,
    ``differs`` in both with other values, ``unknown`` in the file and no setting at all.
    """
    theirs = {ALIASES.get(name, name): text for name, text in read_env_file(file).items()}
    ours = examine(component="env", make_keys=False).raw
    rows = list(_differences(ours, theirs))
    emit(rows, as_json=as_json or format_ is Format.JSON, columns=("name", "status", "hint"))
    if rows:
        raise typer.Exit(_DIFFERENT)


def _differences(ours: Any, theirs: dict[str, str]) -> Iterable[dict[str, str]]:
    for name in sorted({*ours, *theirs}):
        if name not in BY_NAME:
            close = nearest(name)
            yield {"name": name, "status": "unknown", "hint": f"did you mean {close}?" if close else ""}
        elif name not in theirs:
            yield {"name": name, "status": "missing", "hint": ""}
        elif name not in ours:
            yield {"name": name, "status": "extra", "hint": ""}
        elif ours[name] != theirs[name]:
            yield {"name": name, "status": "differs", "hint": ""}


def _print_advice(problems: list[Problem]) -> None:
    if problems:
        emit([problem.as_dict() for problem in problems], as_json=False, columns=PROBLEM_COLUMNS)


def _variable(name: str) -> Variable:
    wanted = ALIASES.get(name.upper(), name.upper())
    if wanted not in BY_NAME:
        close = nearest(wanted)
        raise UnknownVariable(name=name, hint=f"Did you mean {close}?" if close else "`primepos env list` lists them.")
    return BY_NAME[wanted]


def _row(variable: Variable, found: Examination) -> dict[str, Any]:
    return {
        "name": variable.name,
        "source": shown_source(variable, found),
        "value": shown_value(variable, found),
    }
