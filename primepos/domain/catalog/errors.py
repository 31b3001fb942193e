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


class UnitMismatch(InvalidInput):
    """Goods sold by weight are counted in kilograms: that is what scales and their labels say."""

    code = "UNIT_MISMATCH"
    template = "What is sold by weight is not counted in {unit}, but in {known}"


class NothingWeighed(InvalidInput):
    """Nothing is left of what the scale shows after the tare, or the goods are not sold by weight."""

    code = "NOTHING_WEIGHED"
    template = "Nothing to sell of {sku} at {gross} kg: {problem}"


class NotAParent(RuleViolation):
    """The product can have no variants: it is a variant or a kit itself, or has barcodes, units or stock of its own."""

    code = "NOT_A_PARENT"
    template = "{sku} cannot have variants: {problem}"


class OptionsInUse(RuleViolation):
    """The options of a parent do not change under its variants: values can be added, those in use stay."""

    code = "OPTIONS_IN_USE"
    template = "The options of {sku} are in use: {problem}"


class DuplicateVariant(Conflict):
    """The parent has a variant with these values already."""

    code = "DUPLICATE_VARIANT"
    template = "The parent has a variant with these values already"


class TooManyVariants(InvalidInput):
    """The options make more combinations than a parent may have variants."""

    code = "TOO_MANY_VARIANTS"
    template = "The options make {count} combinations; a product has at most {most} variants"


class ParentNotSold(RuleViolation):
    """A parent is not sold; one of its variants is."""

    code = "PARENT_NOT_SOLD"
    template = "{sku} is not sold itself: choose one of its variants"


class UnitNotFound(NotFound):
    """The product has no such unit."""

    code = "UNIT_NOT_FOUND"
    template = "{sku} is not sold by {unit}"


class RepeatedUnit(InvalidInput):
    """Two units of a product have the same code or hold the same: a barcode's pack size could mean either."""

    code = "REPEATED_UNIT"
    template = "Two units have the same code, or hold as much: {unit}"


class BadComponent(RuleViolation):
    """A kit cannot be made of this: a kit, a parent, the kit itself, an archived product, or one that stands twice."""

    code = "BAD_COMPONENT"
    template = "{sku} cannot be a component: {problem}"


class NotAKit(RuleViolation):
    """The product cannot become a kit: it is a parent, a variant, or a component of another kit."""

    code = "NOT_A_KIT"
    template = "{sku} cannot be a kit: {problem}"


class KitPriceFollows(RuleViolation):
    """The kit costs what its components cost; change those, or give it a price of its own."""

    code = "KIT_PRICE_FOLLOWS"
    template = "{sku} costs what its components cost"
    hint = "Give the kit a price of its own first."


class ComponentArchived(RuleViolation):
    """A kit is not sold while one of its components is archived."""

    code = "COMPONENT_ARCHIVED"
    template = "{kit} cannot be sold: its component {component} is archived"


class NothingToEdit(InvalidInput):
    """An edit of many products says neither which nor what."""

    code = "NOTHING_TO_EDIT"
    template = "{problem}"


class TooManyProducts(InvalidInput):
    """More products than one edit takes; narrow the choice."""

    code = "TOO_MANY_PRODUCTS"
    template = "More than {most} products are chosen; narrow the choice"


class BadImage(InvalidInput):
    """What was given is no picture that can be kept."""

    code = "BAD_IMAGE"
    template = "This picture cannot be kept: {problem}"
    hint = "Give a PNG, JPEG or WebP file."


class ImageNotFound(NotFound):
    """The product has no picture."""

    code = "IMAGE_NOT_FOUND"
    template = "{sku} has no picture"


class SheetNotFound(NotFound):
    """No sheet of labels of this name is known."""

    code = "SHEET_NOT_FOUND"
    template = "No label sheet {sheet}; known are {known}"


class NothingToLabel(InvalidInput):
    """Neither products were named nor did any price change in that time."""

    code = "NOTHING_TO_LABEL"
    template = "There is nothing to print labels of"


class _TakenBySomebody(BarcodeTaken):
    """The same, found by the constraint: a twin was faster, and the code is not told."""

    template = "One of the barcodes belongs to another product"


register_constraint("products_tenant_id_sku_key", DuplicateSku)
register_constraint("categories_tenant_id_name_key", DuplicateCategory)
register_constraint("taxes_tenant_id_code_key", DuplicateTax)
register_constraint("tax_classes_tenant_id_code_key", DuplicateTaxClass)
register_constraint("product_barcodes_pkey", _TakenBySomebody)
register_constraint("product_variants_tenant_id_parent_id_option_values_key", DuplicateVariant)
