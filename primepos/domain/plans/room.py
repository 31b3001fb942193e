"""Whether a tenant's plan has room for one more: asked by whatever adds an outlet, a till, a person or a product.

Two that add at once must not both take the last place. Whoever added asks afterwards, in the same transaction: behind
the tenant's turn (advisory lock 7769, tenant) it counts what is there with its own. The second to come waits for the
first to commit, counts both and is refused with all that it did. Lock order: the turn is the last lock that an act
takes. A tenant without a plan waits for nobody. Sales never ask.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from primepos.domain.plans import queries
from primepos.domain.plans.errors import FeatureNotInPlan, QuotaExceeded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from primepos.core.db import UnitOfWork
    from primepos.domain.plans.schemas import Feature, Limited

_NAMES: Final = {"outlets": "outlets", "registers": "tills", "users": "people", "products": "products"}


def require_room(uow: UnitOfWork, tenant_id: int, *added: Limited) -> None:
    """Refuse what was just added if it is more than the tenant's plan has room for.

    Two statements and one more only for a tenant that has a plan. Raises: :class:`QuotaExceeded`.
    """
    uow.flush()
    plan = queries.plan_today(uow, tenant_id)
    limited = [what for what in added if plan is not None and plan[what] is not None]
    if plan is None or not limited:
        return
    used = queries.count_in_turn(uow, tenant_id, limited)
    _compare(plan, used, limited)


def _compare(plan: dict[str, object], used: dict[str, int], limited: Sequence[Limited]) -> None:
    for what in limited:
        limit = plan[what]
        if isinstance(limit, int) and used[what] > limit:
            raise QuotaExceeded(plan=plan["code"], what=_NAMES[what], limit=limit, used=used[what])


def require_feature(uow: UnitOfWork, tenant_id: int, feature: Feature) -> None:
    """Refuse what belongs to a feature that the tenant's plan does not have. Raises: :class:`FeatureNotInPlan`."""
    plan = queries.plan_today(uow, tenant_id)
    if plan is not None and feature in plan["features"]:
        raise FeatureNotInPlan(plan=plan["code"], feature=feature)
