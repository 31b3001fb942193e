"""``primepos ops``: what the operator of an installation checks."""

from __future__ import annotations

from typing import Annotated

import typer

from primepos.cli import session
from primepos.cli.exits import ExitCode
from primepos.cli.options import EnvFileOption, JsonFlag, examples
from primepos.cli.output import emit, note
from primepos.domain.ops.service import verify_books, verify_own_books

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, add_completion=False, help="Verify the books and the database."
)


@app.callback()
def ops() -> None:
    """Verify the books and the database."""


@app.command(
    name="verify-books",
    epilog=examples(
        "primepos ops verify-books",
        "primepos ops verify-books --tenant corner",
        "primepos ops verify-books --quick --json | jq .problems",
    ),
)
def verify_books_(
    *,
    tenant: Annotated[
        str | None, typer.Option("--tenant", "-T", metavar="SLUG", help="Only this tenant's books; all without it.")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Leave out working every sale's content hash out again.")
    ] = False,
    most: Annotated[int, typer.Option("--most", min=1, max=10_000, help="At most this many problems.")] = 100,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Audit the books, reading only: exit code 0 when they hold, 1 when they do not.

    Acknowledged sales exist (I1), none is torn (I2), numbers have no gap (I3), ledger and stock balance (I4), nothing
    crosses tenants (I5), the chains verify (I6). A gap that a till's next delivery still fills is pending, no error.
    """
    data = {"bodies": not quick, "most_problems": most}
    if tenant is None:
        found = session.run_in_system(verify_books, data, env_file=env_file)
    else:
        found = session.run_in_tenant(verify_own_books, data, tenant=tenant, env_file=env_file)
    if as_json:
        emit(found, as_json=True)
    else:
        if found.problems:
            emit(found.problems, as_json=False, columns=("invariant", "check", "tenant", "what", "pending"))
        counted = ((found.sales, "sale"), (found.chains, "chain"), (found.tenants, "tenant"), (found.checks, "check"))
        sales, chains, tenants, checks = (f"{count} {what}{'' if count == 1 else 's'}" for count, what in counted)
        looked = f"{sales} in {chains} of {tenants}, {checks}"
        note(f"The books {'hold' if found.ok else 'DO NOT HOLD'}: {looked}.")
    if not found.ok:
        raise typer.Exit(ExitCode.FAILED)
