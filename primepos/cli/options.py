"""Options that many commands share, so they are spelled, explained and completed alike."""

from pathlib import Path
from typing import Annotated

import typer

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON on stdout, and errors as JSON on stderr.")]
CsvFlag = Annotated[bool, typer.Option("--csv", help="Print comma-separated values.")]
YesFlag = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before destroying something.")]
TenantOption = Annotated[
    str | None,
    typer.Option("--tenant", "-T", envvar="PRIMEPOS_TENANT", metavar="SLUG", help="The tenant to work in."),
]
EnvFileOption = Annotated[
    Path | None,
    typer.Option("--env-file", metavar="FILE", exists=True, dir_okay=False, help="Read settings from this file too."),
]


def examples(*lines: str) -> str:
    """Return the epilog of a command: its examples, one a line, kept as they are written."""
    return "\b\nExamples:\n" + "".join(f"  {line}\n" for line in lines)
