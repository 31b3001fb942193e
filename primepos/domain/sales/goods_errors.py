"""How what a line sells can be refused."""

from primepos.core.errors import InvalidInput, RuleViolation


class AgeNotConfirmed(RuleViolation):
    """Goods are sold from an age on, and nobody says that the customer has it."""

    code = "AGE_NOT_CONFIRMED"
    template = "{products}: only from the age of {age}; nobody confirmed it"
    hint = "Confirm the customer's age, or name a customer whose day of birth is known."


class LotRequired(InvalidInput):
    """A line of tracked goods names no lot, or names one for goods that are not tracked."""

    code = "LOT_REQUIRED"
    template = "{sku}: {problem}"


class LotExpired(RuleViolation):
    """The shop's rule is not to sell what has expired."""

    code = "LOT_EXPIRED"
    template = "{sku}: lot {lot} expired on {expires_on}"
