"""How acts on the catalogue can be refused."""

from primepos.core.db import register_constraint
from primepos.core.errors import Conflict, InvalidInput, NotFound, RuleViolation


class ProductNotFound(NotFound):
    """No such product in this tenant, or nothing on sale has the scanned code."""

    code = "PRODUCT_NOT_FOUND"
    template = "No product {product}"


class CategoryNotFound(NotFound):
    """No such category in this tenant."""

    code = "CATEGORY_NOT_FOUND"
    template = "No category {category}"


class TaxNotFound(NotFound):
    """No such tax in this tenant."""

    code = "TAX_NOT_FOUND"
    template = "No tax {tax}"


class TaxClassNotFound(NotFound):
    """No such tax class in this tenant."""

    code = "TAX_CLASS_NOT_FOUND"
    template = "No tax class {tax_class}"


class TaxClassMissing(InvalidInput):
    """A product was given no tax class, and the tenant has neither one called ``standard`` nor exactly one."""

    code = "TAX_CLASS_MISSING"
    template = "Say which tax class the product has"


class DuplicateSku(Conflict):
    """Another product of the tenant, perhaps an archived one, has this SKU."""

    code = "DUPLICATE_SKU"
    template = "Another product has this SKU"


class DuplicateCategory(Conflict):
    """Another category of the tenant, perhaps an archived one, has this name."""

    code = "DUPLICATE_CATEGORY"
    template = "Another category has this name"


class DuplicateTax(Conflict):
    """Another tax of the tenant has this code."""

    code = "DUPLICATE_TAX"
    template = "Another tax has this code"


class DuplicateTaxClass(Conflict):
    """Another tax class of the tenant has this code."""

    code = "DUPLICATE_TAX_CLASS"
    template = "Another tax class has this code"


class BarcodeTaken(Conflict):
    """Another product has this code, or the same article number written in another length."""

    code = "BARCODE_TAKEN"
    template = "Barcode {barcode} belongs to another product"


class StaleVersion(Conflict):
    """The product has changed since the caller read it; ``version`` is the present one."""

    code = "STALE_VERSION"
    template = "The product has changed since you read it (it is at version {version} now)"


class BadCheckDigit(InvalidInput):
    """A code of 8, 12, 13 or 14 digits says it is a GTIN, but its check digit is wrong: most likely a typing error."""

    code = "BAD_CHECK_DIGIT"
    template = "The check digit of {barcode} is wrong"
    hint = "Scan it again, or allow invalid codes if the shop numbers its goods so."


class RepeatedBarcode(InvalidInput):
    """The same code was given twice for one product."""

    code = "REPEATED_BARCODE"
    template = "Barcode {barcode} is given twice"


class LabelRefused(InvalidInput):
    """A price or weight label that must not become a line; ``problem`` says why."""

    code = "LABEL_REFUSED"
    template = "The label {barcode} cannot be sold: {problem}"


class CategoryArchived(RuleViolation):
    """The category is archived: no product is put into it."""

    code = "CATEGORY_ARCHIVED"
    template = "Category {category} is archived"


class _TakenBySomebody(BarcodeTaken):
    """The same, found by the constraint: a twin was faster, and the code is not told."""

    template = "One of the barcodes belongs to another product"


register_constraint("products_tenant_id_sku_key", DuplicateSku)
register_constraint("categories_tenant_id_name_key", DuplicateCategory)
register_constraint("taxes_tenant_id_code_key", DuplicateTax)
register_constraint("tax_classes_tenant_id_code_key", DuplicateTaxClass)
register_constraint("product_barcodes_pkey", _TakenBySomebody)
