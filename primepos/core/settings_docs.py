"""Texts generated from the registry: .env.example and the table of docs/settings.md.

python -m primepos.core.settings_docs          compare, exit 1 if a file is stale
python -m primepos.core.settings_docs --write  write both
"""

from __future__ import annotations

import sys
from pathlib import Path
from textwrap import wrap

from primepos.core.settings_registry import GROUPS, PLATFORM_FACTS, REGISTRY, TOOL_VARIABLES, Variable
from primepos.core.settings_types import Environment

BEGIN = "<!-- settings: generated, do not edit by hand -->"
END = "<!-- settings: end -->"

_WIDTH = 100


def env_template(environment: Environment = Environment.DEVELOPMENT) -> str:
    """Return a file of every variable, commented out where the default will do.

    In development that is ``.env.example``; for other environments the required ones stand open, waiting for values.
    """
    lines = [
        f"# Settings of PrimePOS for {environment.value}. Every line that is commented out shows its default.",
        "# Precedence: the process's own variables, then --env-file, then the default. An empty value counts as unset.",
        "# .env in the working directory is read in development and test only.",
    ]
    for group in GROUPS:
        lines += ["", f"# --- {group} {'-' * (_WIDTH - 7 - len(group))}"]
        for variable in (one for one in REGISTRY if one.group == group):
            lines += ["", *_template_entry(variable, environment)]
    return "\n".join(lines) + "\n"


def frontend_template(api: str = "") -> str:
    """Return the production file of the web frontend; ``api`` is the API's origin, left open where it is not known."""
    known = {"NEXT_PUBLIC_API_URL": f"{api}/api/v1" if api else "", "NEXT_PUBLIC_USE_REAL_API": "true"}
    lines = ["# .env.production of the web frontend. Read when it is built: whoever visits gets to see all of it."]
    for variable in (one for one in REGISTRY if one.group == "Frontend"):
        told = f"{variable.help} Rule: {variable.rule}."
        lines += ["", *(f"# {line}" for line in wrap(told, _WIDTH - 2)), f"{variable.name}={known[variable.name]}"]
    return "\n".join(lines) + "\n"


def settings_table() -> str:
    """Return the Markdown tables of docs/settings.md, one a group."""
    lines: list[str] = []
    for group in GROUPS:
        lines += [
            f"### {group}",
            "",
            "| Name | Type | Required when | Rule | Default | Secret |",
            "|---|---|---|---|---|---|",
        ]
        lines += [_row(variable) for variable in REGISTRY if variable.group == group]
        lines.append("")
    lines += ["### Read, never set", "", "| Name | Holds |", "|---|---|"]
    lines += [f"| `{name}` | {text} |" for name, text in PLATFORM_FACTS.items()]
    lines += ["", "### Of the command line only", "", "| Name | Meaning |", "|---|---|"]
    lines += [f"| `{name}` | {text} |" for name, text in TOOL_VARIABLES.items()]
    return "\n".join(lines) + "\n"


def with_table(page: str) -> str:
    """Return a Markdown page with the text between its two marks replaced by today's table.

    Raises ValueError when a mark is missing.
    """
    if BEGIN not in page or END not in page:
        raise ValueError(f"the page lacks {BEGIN} or {END}")
    head, _, rest = page.partition(BEGIN)
    return f"{head}{BEGIN}\n\n{settings_table()}\n{END}{rest.partition(END)[2]}"


def default_text(variable: Variable, environment: Environment | None = None) -> str:
    """Return the default as documentation shows it, empty when there is none."""
    if environment is not None:
        return variable.default_in(environment) or ""
    told = {variable.default_in(one) or "" for one in Environment}
    if variable.default_note:
        return variable.default_note
    if len(told) == 1:
        return told.pop()
    usual = variable.default_in(Environment.DEVELOPMENT) or "empty"
    others = [
        f"{variable.default_in(one) or 'empty'} in {one.value}"
        for one in Environment
        if (variable.default_in(one) or "empty") != usual
    ]
    return "; ".join([usual, *others])


def stale_files(root: Path, *, write: bool = False) -> list[str]:
    """Return the generated files that differ from the registry, after writing them if ``write``."""
    page = root / "docs" / "settings.md"
    wanted = {root / ".env.example": env_template(), page: with_table(page.read_text(encoding="utf-8"))}
    stale = []
    for path, text in wanted.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(path.relative_to(root).as_posix())
            if write:
                path.write_text(text, encoding="utf-8", newline="\n")
    return stale


def _template_entry(variable: Variable, environment: Environment) -> list[str]:
    needed = "" if variable.required_when == "never" else f" Required: {variable.required_when}."
    rule = f" Rule: {variable.rule}." if variable.rule else ""
    lines = [f"# {line}" for line in wrap(variable.help + needed + rule, _WIDTH - 2)]
    if environment in variable.required_in:
        return [*lines, f"{variable.name}="]
    if environment is not Environment.DEVELOPMENT and variable.name == "PRIMEPOS_ENV":
        # Left to its default, a file filled in for production would be read as development's.
        return [*lines, f"PRIMEPOS_ENV={environment.value}"]
    if environment is Environment.DEVELOPMENT and variable.name == "DEBUG":
        return [*lines, "DEBUG=True"]
    default = variable.default_in(environment)
    if variable.secret or default is None:
        return [*lines, f"# {variable.name}={variable.example if environment is not Environment.DEVELOPMENT else ''}"]
    return [*lines, f"# {variable.name}={default}"]


def _row(variable: Variable) -> str:
    names = " ".join([f"`{variable.name}`", *(f"(alias `{alias}`)" for alias in variable.aliases)])
    rule = ". ".join(part for part in (variable.help.rstrip("."), variable.rule) if part)
    cells = (
        names,
        variable.kind,
        variable.required_when,
        rule,
        default_text(variable),
        "yes" if variable.secret else "",
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def main(arguments: list[str]) -> int:
    """Compare the files with the registry, or write them; return 1 when something was stale and stays so."""
    write = "--write" in arguments
    stale = stale_files(Path(__file__).resolve().parents[2], write=write)
    for name in stale:
        sys.stdout.write(
            f"{name} {'written' if write else 'is stale: run python -m primepos.core.settings_docs --write'}\n"
        )
    return 1 if stale and not write else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
