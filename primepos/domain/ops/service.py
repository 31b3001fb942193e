"""The auditor: reads everything, changes nothing."""

from __future__ import annotations

from primepos.core.context import Context
from primepos.core.operations import Scope, operation
from primepos.core.permissions import Permission
from primepos.domain.ops import books, stock_costs
from primepos.domain.ops.checks import CHECKS
from primepos.domain.ops.schemas import BooksOut, Problem, VerifyBooks

# The chain of sales, the seals of closings and what goods are worth are worked out again beside the questions.
SEALS = 3


@operation("ops.verify_books", permission=Permission.TENANT_SUSPEND, scope=Scope.SYSTEM, reads=True)
def verify_books(ctx: Context, data: VerifyBooks) -> BooksOut:
    """Audit the books of every tenant: invariants I1 to I6, read only.

    Findings name receipts and ids, never what was sold. ``pending`` findings are gaps in a till's series that a
    delivery still to come fills; they do not make the books wrong.
    """
    return _verify(ctx, data)


@operation("ops.verify_own_books", permission=Permission.FISCAL_VERIFY, reads=True)
def verify_own_books(ctx: Context, data: VerifyBooks) -> BooksOut:
    """Audit the books of one's own tenant: invariants I1 to I6, read only."""
    return _verify(ctx, data)


def _verify(ctx: Context, data: VerifyBooks) -> BooksOut:
    ctx.uow.allow_time(0)
    slugs = books.tenants_of(ctx.uow)
    problems: list[Problem] = list(books.failed_checks(ctx.uow, slugs, data.most_problems))
    # What is wrong comes before what is only waited for, and is never crowded out by it.
    problems += books.broken_closings(ctx.uow, slugs)
    problems += stock_costs.wrong_averages(ctx.uow, slugs)
    problems.sort(key=lambda each: each.pending)
    ok = all(each.pending for each in problems)
    chains = set()
    broken: list[Problem] = []
    for series, problem in books.broken_chains(ctx.uow, slugs, bodies=data.bodies):
        chains.add(series)
        if problem is not None and len(broken) < data.most_problems:
            broken.append(problem)
    return BooksOut(
        ok=ok and not broken,
        tenants=len(slugs),
        sales=books.sales_of(ctx.uow),
        chains=len(chains),
        checks=len(CHECKS) + SEALS,
        problems=[*broken, *problems][: data.most_problems],
    )
