"""Which taxes a customer bears: pure.

A mapping turns the tax class of goods into another one, or into none. What the goods cost *without* tax stays as it is:
where the tag holds a tax, that tax is taken out of it, to the cent that the receipt of any other customer shows as the
base; the taxes of the other class come on top of that. So an exempt customer pays 10.00 for a tag of 11.90 with 19 %
inside, and one who bears 7 % instead pays 10.70.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal
from uuid import UUID

from primepos.pricing.occasions import Terms
from primepos.pricing.taxes import TaxRule, as_if

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from primepos.pricing.occasions import Occasion


@dataclass(frozen=True, slots=True)
class TaxMapping:
    """Tax class to tax class, or to None for no tax; ``others`` says what becomes of the classes not named."""

    code: str
    name: str
    terms: Terms = field(default_factory=Terms)
    classes: dict[UUID, UUID | None] = field(default_factory=dict)
    others: Literal["keep", "none"] = "keep"


EXEMPT: Final = TaxMapping("exempt", "Exempt from tax", others="none")


def mapping_for(mappings: Iterable[TaxMapping], occasion: Occasion, forced: str | None = None) -> TaxMapping | None:
    """Return the mapping that holds for a sale, None for the taxes of the catalogue.

    A person's choice (``forced``, a code) comes first, then the customer's exemption, then the mapping that names the
    customer, then a group of theirs, then the outlet; of several the first by code. One that names nobody is for a
    person to choose.
    """
    if forced is not None:
        return next((each for each in mappings if each.code == forced), EXEMPT if forced == EXEMPT.code else None)
    if occasion.exempt:
        return EXEMPT
    meant = [each for each in mappings if each.terms.nearness(occasion) and each.terms.hold(occasion)]
    return min(meant, key=lambda each: (-each.terms.nearness(occasion), each.code), default=None)


def mapped_taxes(
    mapping: TaxMapping | None, tax_class: UUID, taxes: Mapping[UUID, tuple[TaxRule, ...]]
) -> tuple[tuple[TaxRule, ...], tuple[TaxRule, ...] | None]:
    """Return the taxes that a line bears, and those that its tag was made with where they are others (else None)."""
    tagged = taxes.get(tax_class, ())
    if mapping is None:
        return tagged, None
    other = mapping.classes.get(tax_class, tax_class if mapping.others == "keep" else None)
    if other == tax_class or (other is None and not tagged):
        return tagged, None
    return as_if(taxes.get(other, ()) if other is not None else (), included=False), tagged
