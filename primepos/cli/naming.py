"""From what people type to what operations take: codes and SKUs to ids, amounts in currency units to minor units.

A code is looked up by the operations that list things, as whoever runs the command: what they may not see does not
exist for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from primepos.cli import session
from primepos.core.amounts import Money, parse_quantity, plain_amount
from primepos.core.errors import InvalidInput
from primepos.domain.catalog.errors import CategoryNotFound, ProductNotFound, TaxClassNotFound, TaxNotFound
from primepos.domain.outlets.errors import OutletNotFound, RegisterNotFound

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal
    from pathlib import Path

    from primepos.core.context import Identity
    from primepos.core.operations import App, Operation
    from primepos.domain.catalog.schemas import CategoryOut, ProductOut, TaxClassOut, TaxOut
    from primepos.domain.outlets.schemas import OutletRow, RegisterOut
    from primepos.domain.tenancy.schemas import TenantOut


class Workplace:
    """One person in one tenant, for a command that runs more than one operation."""

    def __init__(self, tenant: str | None, env_file: Path | None) -> None:
        """Find out who acts where.

        Raises: ``WHICH_TENANT``, ``TENANT_NOT_FOUND``.
        """
        self.app: App = session.open_app(env_file)
        self.identity: Identity = session.operator_identity(self.app, tenant)
        self._current: TenantOut | None = None

    def run(self, operation: Operation[Any, Any], data: Any = None) -> Any:
        """Run an operation as this person in this tenant."""
        return session.run_with_consent(self.app, operation, self.identity, data)

    @property
    def current(self) -> TenantOut:
        """The tenant as it is set up."""
        if self._current is None:
            from primepos.domain.tenancy.service import current_tenant

            self._current = self.run(current_tenant)
        return self._current

    # --- amounts ----------------------------------------------------------------------------------------------------

    def minor(self, option: str, text: str) -> int:
        """Return an amount typed in currency units (``12.50``) as minor units; nothing is rounded.

        Raises:
            InvalidInput: no plain number, or more decimals than the currency has.
        """
        try:
            return Money.from_decimal(text, self.current.currency).minor
        except InvalidInput as error:
            raise InvalidInput(f"{option}: {text!r} is no amount in {self.current.currency}: {error}") from None

    def major(self, minor: int | None) -> Decimal | None:
        """Return minor units as an amount in currency units with the currency's decimals; None stays None."""
        return None if minor is None else plain_amount(minor, self.current.currency_exponent)

    # --- things -----------------------------------------------------------------------------------------------------

    def outlet(self, text: str) -> OutletRow:
        """Return the outlet with this code or id, archived or not. Raises ``OUTLET_NOT_FOUND``."""
        from primepos.domain.outlets.service import list_outlets

        for archived in (False, True):
            for each in self.run(list_outlets, {"archived": archived}).items:
                if text in {each.code, str(each.id)}:
                    found: OutletRow = each
                    return found
        raise OutletNotFound(hint="`primepos outlets list` shows the codes.")

    def outlet_ids(self, texts: Iterable[str]) -> list[UUID]:
        """Return the ids of outlets given by code or id. Raises ``OUTLET_NOT_FOUND``."""
        return [self.outlet(text).id for text in texts]

    def register(self, text: str) -> RegisterOut:
        """Return a register by receipt prefix, ``OUTLET/CODE``, id, or code where only one register has it.

        Raises: ``REGISTER_NOT_FOUND``; ``INVALID_INPUT`` where several registers have the code.
        """
        from primepos.domain.outlets.service import list_registers

        every = [each for archived in (False, True) for each in self.run(list_registers, {"archived": archived}).items]
        outlet, _, code = text.rpartition("/")
        if outlet:
            outlet_id = self.outlet(outlet).id
            every = [each for each in every if each.outlet_id == outlet_id]
        exact = [each for each in every if not outlet and text in {each.prefix, str(each.id)}]
        found = exact or [each for each in every if each.code == code]
        if not found:
            raise RegisterNotFound(hint="`primepos registers list` shows prefixes and codes.")
        if len(found) > 1:
            prefixes = ", ".join(each.prefix for each in found)
            raise InvalidInput(f"Several registers are called {text!r}: name one of {prefixes}")
        one: RegisterOut = found[0]
        return one

    def product(self, text: str) -> ProductOut:
        """Return the product with this SKU or id. Raises ``PRODUCT_NOT_FOUND``."""
        from primepos.domain.catalog.service import get_product

        try:
            found: ProductOut = self.run(get_product, {"sku": text})
        except ProductNotFound:
            given = id_of(text)
            if given is None:
                raise
            found = self.run(get_product, {"id": given})
        return found

    def category(self, text: str) -> CategoryOut:
        """Return the category with this name or id, archived or not. Raises ``CATEGORY_NOT_FOUND``."""
        from primepos.domain.catalog.service import list_categories

        for archived in (False, True):
            for each in self.run(list_categories, {"archived": archived}).items:
                if text in {each.name, str(each.id)}:
                    found: CategoryOut = each
                    return found
        raise CategoryNotFound(category=text, hint="`primepos categories list` shows the names.")

    def tax(self, text: str) -> TaxOut:
        """Return the tax with this code or id. Raises ``TAX_NOT_FOUND``."""
        from primepos.domain.catalog.service import list_taxes

        for each in self.run(list_taxes, {}).items:
            if text in {each.code, str(each.id)}:
                found: TaxOut = each
                return found
        raise TaxNotFound(tax=text, hint="`primepos taxes list` shows the codes.")

    def tax_ids(self, texts: Iterable[str]) -> list[UUID]:
        """Return the ids of taxes given by code or id, in the order given. Raises ``TAX_NOT_FOUND``."""
        return [self.tax(text).id for text in texts]

    def tax_class(self, text: str) -> TaxClassOut:
        """Return the tax class with this code or id. Raises ``TAX_CLASS_NOT_FOUND``."""
        from primepos.domain.catalog.service import list_tax_classes

        for each in self.run(list_tax_classes, {}).items:
            if text in {each.code, str(each.id)}:
                found: TaxClassOut = each
                return found
        raise TaxClassNotFound(tax_class=text, hint="`primepos taxes classes` shows the codes.")


def id_of(text: str) -> UUID | None:
    """Return the UUID that a text spells, None if it spells none."""
    try:
        return UUID(text)
    except ValueError:
        return None


def required_id(option: str, text: str) -> UUID:
    """Return the UUID that a text spells. Raises ``INVALID_INPUT``."""
    found = id_of(text)
    if found is None:
        raise InvalidInput(f"{option}: {text!r} is no id")
    return found


def by_sku(option: str, text: str) -> tuple[str, Decimal]:
    """Split ``SKU:QUANTITY`` at the last colon. Raises ``INVALID_INPUT``."""
    sku, colon, quantity = text.rpartition(":")
    if not colon or not sku:
        raise InvalidInput(f"{option}: write {text!r} as SKU:QUANTITY")
    try:
        return sku, parse_quantity(quantity)
    except InvalidInput as error:
        raise InvalidInput(f"{option}: {text!r}: {error}") from None
