"""How a check asks a database: what cannot be answered is said to be so, and is never a pass."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING

from psycopg import errors as pg_errors

from primepos.deploy.check import Needs, Outcome, Severity, check, failed, skipped
from primepos.deploy.inspector import CHECK_S, ROWS_MS

if TYPE_CHECKING:
    from collections.abc import Callable

    from primepos.deploy.target import Target


def asks(
    check_id: str, severity: Severity, *, rule: str, remedy: str, anchor: str = "ours"
) -> Callable[[Callable[[Target], Outcome]], Callable[[Target], Outcome]]:
    """Register a check of the database.

    One that has no time to finish is skipped with the reason; a login that may not look, and a schema that is not
    there, are findings.
    """

    def register(run: Callable[[Target], Outcome]) -> Callable[[Target], Outcome]:
        @wraps(run)
        def asked(target: Target) -> Outcome:
            try:
                with target.database.within(CHECK_S):
                    return run(target)
            except pg_errors.QueryCanceled:
                return skipped(
                    f"no answer within {CHECK_S} s, or {ROWS_MS // 1000} s for one question: run it on a copy"
                )
            except pg_errors.InsufficientPrivilege as error:
                return failed(
                    f"this login may not look: {error.diag.message_primary}",
                    remedy="give the login that DATABASE_URL names the roles of the first migration",
                )
            except (pg_errors.UndefinedTable, pg_errors.UndefinedObject, pg_errors.InvalidParameterValue) as error:
                return failed(f"the schema is not there: {error.diag.message_primary}", remedy="primepos migrate up")

        return check(check_id, severity, Needs.DATABASE, rule=rule, remedy=remedy, anchor=anchor)(asked)

    return register
