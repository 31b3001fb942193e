"""How acts on value can be refused."""

from primepos.core.db import TransactionRetry, register_constraint
from primepos.core.errors import Conflict, InvalidInput, NotFound, RuleViolation
from primepos.domain.outlets.errors import RegisterNotFound


class ValueNotFound(NotFound):
    """No such gift card, credit, account or points in this tenant, or the code is not one of its cards."""

    code = "VALUE_NOT_FOUND"
    template = "No such gift card or account"


class ValueShort(RuleViolation):
    """There is less left than what is to be taken; nothing was changed. ``available`` is minor units, or points."""

    code = "VALUE_SHORT"
    template = "Only {available} can be taken ({kind}), not {asked}"


class ValueBlocked(RuleViolation):
    """The card or account is blocked or closed; nothing was changed."""

    code = "VALUE_BLOCKED"
    template = "This {kind} is {state}"


class ValueExpired(RuleViolation):
    """The card's time is over; nothing was changed."""

    code = "VALUE_EXPIRED"
    template = "This {kind} was good until {until}"


class ValueConflict(Conflict):
    """This id was used before for another act on value; nothing was changed."""

    code = "VALUE_CONFLICT"
    template = "{id} was used before for another act on value"


class CodeTaken(Conflict):
    """Another card of this shop has this code."""

    code = "GIFT_CARD_CODE_TAKEN"
    template = "Another card has this code"


class CodeRefused(InvalidInput):
    """The code could be guessed or mistyped: it needs 8 to 64 letters and digits."""

    code = "GIFT_CARD_CODE_REFUSED"
    template = "A card's code needs 8 to 64 letters and digits"


class AuthorisationNotFound(NotFound):
    """No such authorisation in this tenant."""

    code = "AUTHORISATION_NOT_FOUND"
    template = "No such authorisation"


class AuthorisationSettled(Conflict):
    """It was captured by its sale: what was taken is given back by a refund."""

    code = "AUTHORISATION_SETTLED"
    template = "This authorisation was captured by its sale"


class PointsNotOffered(RuleViolation):
    """The shop has no rule for points."""

    code = "POINTS_NOT_OFFERED"
    template = "This shop gives no points"


# A twin was faster: look again, its answer is the answer.
register_constraint("value_accounts_pkey", TransactionRetry)
register_constraint("value_accounts_holder_idx", TransactionRetry)
register_constraint("value_accounts_code_idx", CodeTaken)
register_constraint("value_entries_act_idx", TransactionRetry)
register_constraint("value_entries_cause_idx", TransactionRetry)
register_constraint("authorisations_pkey", TransactionRetry)
register_constraint("authorisations_tenant_id_register_id_fkey", RegisterNotFound)
register_constraint("value_allotments_tenant_id_register_id_fkey", RegisterNotFound)
