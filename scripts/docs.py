"""Write the generated pages of docs/, or check that they are up to date and that no link is dead.

python scripts/docs.py [--check]
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

GENERATED = "<!-- Made by `python scripts/docs.py`; do not edit. -->\n\n"
_LINK = re.compile(r"(?<!`)\[[^\]]*\]\((?!\w+:)(?P<target>[^)#\s]*)(?:#[^)]*)?\)")
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def exit_codes() -> str:
    """Return the page of exit codes."""
    from primepos.cli.exits import exit_code_table

    intro = "# Exit codes\n\nData goes to stdout, everything else to stderr. Scripts may rely on these codes.\n\n"
    gate = (
        "\n`primepos check-deploy` and `primepos release` end with 3 when a check crashed or what it looks at does not"
        " answer: see [go or no-go](guides/check-deploy.md).\n"
    )
    return GENERATED + intro + exit_code_table() + gate


def command_reference() -> str:
    """Return the help of every command, as a person at an 80-column terminal sees it."""
    import typer

    from primepos.cli.lazy import LAZY, load_command
    from primepos.cli.main import app

    root = typer.main.get_command(app)
    context = root.make_context("primepos", [], resilient_parsing=True, terminal_width=80)
    pages = [_help("primepos", root, None)]
    for name in LAZY:
        pages += _help_tree(f"primepos {name}", load_command(name), context)
    return GENERATED + "# Command line reference\n\n" + "\n".join(pages)


def _help_tree(path: str, command: Any, parent: Any) -> Iterator[str]:
    yield _help(path, command, parent)
    context = command.make_context(
        path.rsplit(maxsplit=1)[-1], [], parent=parent, resilient_parsing=True, terminal_width=80
    )
    for name, child in sorted(getattr(command, "commands", {}).items()):
        yield from _help_tree(f"{path} {name}", child, context)


def _help(path: str, command: Any, parent: Any) -> str:
    context = command.make_context(
        path.rsplit(maxsplit=1)[-1], [], parent=parent, resilient_parsing=True, terminal_width=80
    )
    lines = "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
    return f"## {path}\n\n```text\n{lines}\n```\n"


def permission_matrix() -> str:
    """Return the page of roles and permissions."""
    from primepos.core.permissions import Decision, Permission, Role, grant_of

    def mark(role: Role, permission: Permission) -> str:
        grant = grant_of(role, permission)
        if grant.decision is Decision.DENY:
            return ""
        limit = f" to {grant.max_percent.normalize():f} %" if grant.max_percent is not None else ""
        return f"{'own' if grant.own else grant.decision.value}{limit}"

    intro = """\
# Roles and permissions

*allow*: may do it. *approve*: may do it when somebody who is allowed agrees. *own*: within the person's own outlet or
session. Empty: denied, and the attempt is in the audit trail. `device` is an enrolled till. Operations with the
permission `public` need no sign-in; `self` is what anybody signed in may do to their own account.

"""
    rows = [
        [f"`{permission.value}`", *(mark(role, permission) for role in Role)]
        for permission in Permission
        if permission not in {Permission.PUBLIC, Permission.SELF}
    ]
    return GENERATED + intro + _table(["permission", *(role.value for role in Role)], rows)


def operation_reference() -> str:
    """Return the page of all operations, by feature."""
    _import_package()
    from primepos.core.operations import OPERATIONS

    rows = []
    for name, operation in sorted(OPERATIONS.items()):
        refusals = ", ".join(f"`{error.code}`" for error in operation.raises)
        rows.append([f"`{name}`", operation.summary, f"`{operation.permission.value}`", refusals])
    intro = """\
# Operations

Everything that can be done, whether from the command line, the till or the API. Any of them can also be refused as
`INVALID_INPUT`, `UNAUTHENTICATED`, `PERMISSION_DENIED`, `NOT_FOUND` or `UNAVAILABLE`.

"""
    return GENERATED + intro + _table(["operation", "does", "permission", "can be refused as"], rows)


def error_codes() -> str:
    """Return the page of every error code."""
    _import_package()
    from primepos.cli.exits import exit_code_for
    from primepos.core.errors import PrimePOSError

    codes: dict[str, tuple[str, int, str]] = {}
    known: set[type[PrimePOSError]] = set()
    pending: list[type[PrimePOSError]] = [PrimePOSError]
    while pending:
        error = pending.pop()
        pending += error.__subclasses__()
        known.add(error)
    # Several features may share a code: the same one explains it, whatever was imported first.
    for error in sorted(known, key=lambda one: (".core." not in one.__module__, one.__module__, one.__qualname__)):
        if error.__module__.startswith("primepos.") and error is not PrimePOSError:
            meaning = (error.__doc__ or "").strip().splitlines()[0]
            codes.setdefault(error.code, (error.kind.value, int(exit_code_for(error.kind)), meaning))
    rows = [[f"`{code}`", kind, str(number), meaning] for code, (kind, number, meaning) in sorted(codes.items())]
    intro = "# Error codes\n\nStable: programs may rely on the code, people read the message.\n\n"
    return GENERATED + intro + _table(["code", "kind", "exit code", "meaning"], rows)


def api_description() -> str:
    """Return the OpenAPI description of the HTTP API."""
    import json

    from primepos.api.app import openapi

    return json.dumps(openapi(), indent=1, ensure_ascii=False) + "\n"


def role_matrix() -> str:
    """Return the snapshot of roles and routes that SEC012 of the deploy gate compares."""
    from primepos.api.surface import build_surface
    from primepos.deploy.surface import matrix_text, production_settings

    return matrix_text(build_surface(production_settings()))


def deploy_checks() -> str:
    """Return the page of every check of the deploy gate, by area, with how many there are of which kind."""
    from primepos.deploy.check import Area, Needs, catalogue
    from primepos.deploy.report.wording import sentence

    def kind(needs: frozenset[Needs]) -> str:
        return " + ".join(need.value for need in Needs if need in needs)

    checks = catalogue()
    built = [one for one in checks if one.unbuilt is None]
    counts = [
        [
            area.value,
            str(sum(one.area is area for one in checks)),
            str(sum(one.area is area and Needs.STATIC in one.needs for one in checks)),
            str(sum(one.area is area and Needs.DATABASE in one.needs for one in checks)),
            str(sum(one.area is area and bool(one.needs & {Needs.URL, Needs.FRONTEND_URL}) for one in checks)),
            str(sum(one.area is area and Needs.ACTIVE in one.needs for one in checks)),
        ]
        for area in Area
    ]
    intro = f"""\
# Checks of the deploy gate

What `primepos check-deploy` looks at; [the guide](guides/check-deploy.md) tells how to use it. {len(checks)} checks,
{len(built)} of them built. Django's `check --deploy` has 27, all of them about settings; Enlightn 66.

A check that is *static* needs the environment's variables and the project's files only. The others need `--database`,
`--url` (with `--frontend-url` for the frontend) or, for what has side effects, `--active`. *static* beside another: it
runs without, and looks closer with it.

"""
    parts = [GENERATED, intro, _table(["area", "checks", "static", "database", "url", "active"], counts)]
    for area in Area:
        rows = [
            [
                f"`{one.id}`",
                one.severity.value,
                kind(one.needs),
                sentence(one.rule),
                one.remedy if one.unbuilt is None else f"*Not built: {one.unbuilt}*",
                one.anchor,
            ]
            for one in checks
            if one.area is area
        ]
        parts.append(f"\n## {area.value.capitalize()}\n\n")
        parts.append(_table(["id", "severity", "needs", "what must hold", "what to do", "after"], rows))
    return "".join(parts)


def report_schema() -> str:
    """Return the JSON Schema of a report of the deploy gate."""
    import json

    from primepos.deploy.report.document import json_schema

    return json.dumps(json_schema(), indent=1, ensure_ascii=False) + "\n"


def runbook_index() -> str:
    """Return the page that leads from an alert, a code or a worry to its runbook."""
    from primepos.deploy.alerts import read_alerts

    alerts: dict[str, list[str]] = {}
    for alert in read_alerts(ROOT):
        alerts.setdefault(Path(alert.runbook).name, []).append(f"`{alert.name}`")
    rows, codes = [], []
    for page in sorted((ROOT / "docs" / "runbooks").glob("*.md")):
        if page.name == "index.md":
            continue
        title, _, rest = page.read_text(encoding="utf-8").partition("\n")
        about = [f"[{title.removeprefix('# ')}]({page.name})", rest.strip().partition("\n")[0]]
        if page.name.startswith("doc"):
            codes.append(about)
        else:
            rows.append([*about, ", ".join(alerts.get(page.name, ["(no alert)"]))])
    intro = """\
# Runbooks

What to do when something is wrong: how to see it, how to end it, how to know that it has ended, how to go back. Each
alert of [deploy/observability/alerts.yml](../../deploy/observability/alerts.yml) names one. Commands run where the
service's settings are: at the platform's shell, or with `--env-file`.

"""
    table = _table(["when", "what it means", "alerts"], rows)
    by_code = "\n## By code of `primepos doctor`\n\n" + _table(["code", "what it means"], codes)
    return GENERATED + intro + table + by_code


def _import_package() -> None:
    import importlib
    import pkgutil

    import primepos

    for module in pkgutil.walk_packages(primepos.__path__, "primepos."):
        if module.name.rpartition(".")[2] != "__main__":
            importlib.import_module(module.name)


def _table(headings: list[str], rows: list[list[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n".replace("|  ", "| ") for line in lines)


PAGES: dict[str, Callable[[], str]] = {
    "deploy/role-matrix.toml": role_matrix,
    "docs/check-deploy.schema.json": report_schema,
    "docs/cli.md": command_reference,
    "docs/deploy-checks.md": deploy_checks,
    "docs/errors.md": error_codes,
    "docs/exit-codes.md": exit_codes,
    "docs/openapi.json": api_description,
    "docs/operations.md": operation_reference,
    "docs/permissions.md": permission_matrix,
    "docs/runbooks/index.md": runbook_index,
}


def dead_links(root: Path) -> list[str]:
    """Return `page: target` for every relative link of a Markdown page that leads nowhere."""
    pages = [*root.glob("*.md"), *(root / "docs").rglob("*.md")]
    return [
        f"{page.relative_to(root)}: {match['target']}"
        for page in sorted(pages)
        for match in _LINK.finditer(_FENCE.sub("", page.read_text(encoding="utf-8")))
        if match["target"] and not (page.parent / unquote(match["target"])).exists()
    ]


def main(arguments: list[str]) -> int:
    """Write the pages, or with --check say which are stale; return 1 if something is wrong."""
    from primepos.core import settings_docs

    write = "--check" not in arguments
    stale = settings_docs.stale_files(ROOT, write=write)
    wrong = [] if write else [f"{name} is stale: run `python scripts/docs.py`" for name in stale]
    for name, make in PAGES.items():
        path, text = ROOT / name, make()
        if write:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            wrong.append(f"{name} is stale: run `python scripts/docs.py`")
    wrong += [f"dead link in {link}" for link in dead_links(ROOT)]
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
