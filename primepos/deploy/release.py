"""One release, as a platform runs it before it sends traffic: the gate, the migrations, the checks of the database.

Nothing is touched when the gate refuses. The migrations run under their advisory lock, so that two releases take turns.
When a check fails after them the release fails and the old one goes on serving: what was migrated serves both.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from primepos.adapters import environment_tag
from primepos.deploy import gate
from primepos.deploy.check import CRITICAL, Needs, Severity, catalogue

if TYPE_CHECKING:
    from collections.abc import Callable

    from primepos.adapters.migration_files import Revision
    from primepos.deploy.findings import Report
    from primepos.deploy.target import Target

# Whether the database answers is asked before anything is done; everything else of it after the migrations.
CONNECTS: Final = "DB020"


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """What became of a release. ``before`` is None where the gate was skipped, ``after`` where it refused."""

    before: Report | None
    applied: tuple[Revision, ...] = ()
    after: Report | None = None
    decided_by_after: bool = True

    @property
    def exit_code(self) -> int:
        """0 released; 1 the gate says NO-GO, before or after the migrations; 3 it could not say."""
        if self.before is not None and self.before.exit_code:
            return self.before.exit_code
        return self.after.exit_code if self.after is not None and self.decided_by_after else 0


def release(
    target: Target,
    migration_url: str,
    *,
    migrate: Callable[[str], list[Revision]],
    fail_on: Severity = CRITICAL,
    skip_gate: bool = False,
    on_gate: Callable[[Report], None] | None = None,
) -> Released:
    """Judge, migrate and judge again; ``migrate`` brings the database at ``migration_url`` up and returns what it did.

    With ``skip_gate`` nothing is judged before, and what the checks of the database say afterwards is told and does not
    decide.

    Raises: WrongEnvironment, as ``migrate``, and :func:`primepos.deploy.gate.run`.
    """
    ids = {one.id for one in catalogue()}
    of_database = frozenset(one.id for one in catalogue() if Needs.DATABASE in one.needs and _fits(one.needs))
    first = frozenset(one.id for one in catalogue() if Needs.STATIC in one.needs) | {CONNECTS} & ids
    before = None
    if not skip_gate:
        before = gate.run(target, gate.Selection(only=first, fail_on=fail_on))
        if on_gate is not None:
            on_gate(before)
        if before.exit_code:
            return Released(before=before)
    # Another environment's database is refused before it is touched.
    with environment_tag.belonging(migration_url, target.examination.environment):
        applied = tuple(migrate(migration_url))
    # What it had looked at may have changed under it.
    again = replace(target, findings=None)
    try:
        after = gate.run(again, gate.Selection(only=of_database, fail_on=fail_on))
    finally:
        again.close()
    return Released(before=before, applied=applied, after=after, decided_by_after=not skip_gate)


def _fits(needs: frozenset[Needs]) -> bool:
    return needs <= {Needs.STATIC, Needs.DATABASE}
