"""Exit codes: the one place where a kind of refusal becomes a number for the shell."""

from __future__ import annotations

from enum import IntEnum
from typing import assert_never

from primepos.core.errors import ErrorKind


class ExitCode(IntEnum):
    """Every code ``primepos`` ends with; scripts may rely on them."""

    OK = 0
    FAILED = 1
    INVALID = 2
    UNAUTHENTICATED = 3
    FORBIDDEN = 4
    NOT_FOUND = 5
    CONFLICT = 6
    RULE = 7
    UNAVAILABLE = 8
    BUG = 70
    CONFIG = 78
    INTERRUPTED = 130


MEANINGS: dict[ExitCode, str] = {
    ExitCode.OK: "Done.",
    ExitCode.FAILED: "A check found problems, or you answered no; nothing else was done.",
    ExitCode.INVALID: "The command line or the data is not valid, or --yes is missing; nothing was done.",
    ExitCode.UNAUTHENTICATED: "Nobody is signed in, or the credentials are wrong.",
    ExitCode.FORBIDDEN: "The permission is missing, or a manager has to approve.",
    ExitCode.NOT_FOUND: "No such thing in this tenant.",
    ExitCode.CONFLICT: "It exists already or has changed since it was read.",
    ExitCode.RULE: "A rule of the shop refuses, for example a drawer that is closed.",
    ExitCode.UNAVAILABLE: "The database or another service does not answer, or asks to slow down; try again later.",
    ExitCode.BUG: "A bug of PrimePOS; the details are in the crash log.",
    ExitCode.CONFIG: "The environment is not fit to run in; every problem is listed.",
    ExitCode.INTERRUPTED: "Stopped by Ctrl-C.",
}


def exit_code_for(kind: ErrorKind) -> ExitCode:
    """Return the exit code of a kind of refusal."""
    match kind:
        case ErrorKind.INVALID:
            return ExitCode.INVALID
        case ErrorKind.UNAUTHENTICATED:
            return ExitCode.UNAUTHENTICATED
        case ErrorKind.FORBIDDEN:
            return ExitCode.FORBIDDEN
        case ErrorKind.NOT_FOUND:
            return ExitCode.NOT_FOUND
        case ErrorKind.CONFLICT:
            return ExitCode.CONFLICT
        case ErrorKind.RULE:
            return ExitCode.RULE
        case ErrorKind.THROTTLED | ErrorKind.UNAVAILABLE:
            return ExitCode.UNAVAILABLE
        case ErrorKind.CONFIG:
            return ExitCode.CONFIG
        case ErrorKind.BUG:
            return ExitCode.BUG
        case _:
            assert_never(kind)


def exit_code_table() -> str:
    """Return the table of exit codes as Markdown, for the documentation."""
    rows = [f"| {code.value} | {code.name} | {meaning} |" for code, meaning in MEANINGS.items()]
    return "\n".join(["| code | name | meaning |", "|---:|---|---|", *rows]) + "\n"
