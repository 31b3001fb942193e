"""How plans refuse."""

from __future__ import annotations

from primepos.core.db import register_constraint
from primepos.core.errors import Conflict, InvalidInput, NotFound, RuleViolation


class QuotaExceeded(RuleViolation):
    """The tenant's plan has no room for another one; what is there stays, and sales are never refused."""

    code = "QUOTA_EXCEEDED"
    template = "The plan {plan} has room for {limit} {what}, and {used} would be in use"
    hint = "Archive what is no longer needed, or ask the operator for a larger plan."


class FeatureNotInPlan(RuleViolation):
    """The tenant's plan does not have this feature."""

    code = "FEATURE_NOT_IN_PLAN"
    template = "The plan {plan} does not have {feature}"


class PlanNotFound(NotFound):
    """No plan has this code."""

    code = "PLAN_NOT_FOUND"
    template = "No plan is called {plan!r}"


class PlanTaken(Conflict):
    """Another plan has this code."""

    code = "PLAN_TAKEN"
    template = "Another plan has this code"


class PlanArchived(RuleViolation):
    """The plan is no longer given to anybody."""

    code = "PLAN_ARCHIVED"
    template = "The plan {plan} is no longer given"


class PlanInThePast(InvalidInput):
    """A plan begins today or later: what was is history."""

    code = "PLAN_IN_THE_PAST"
    template = "A plan cannot begin before today, {today}"


register_constraint("plans_pkey", PlanTaken)
