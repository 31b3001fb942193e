"""What the books auditor is asked and what it answers."""

from typing import Annotated

from msgspec import Meta, Struct


class VerifyBooks(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for an audit. ``bodies`` false leaves out working every sale's content hash out again."""

    bodies: bool = True
    most_problems: Annotated[int, Meta(ge=1, le=10_000)] = 100


class Problem(Struct, frozen=True, kw_only=True):
    """One thing that does not hold, in the tenant of this slug. ``pending`` marks what a later delivery can mend."""

    invariant: str
    check: str
    tenant: str
    what: str
    pending: bool = False


class BooksOut(Struct, frozen=True, kw_only=True):
    """The audit's answer: how much was looked at, and everything that does not hold."""

    ok: bool
    tenants: int
    sales: int
    chains: int
    checks: int
    problems: list[Problem]
