"""Customers as Square, Loyverse, Shopify and WooCommerce write them down, and lists of anybody's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from primepos.domain.importing.cells import clean
from primepos.domain.importing.shapes import Shape
from primepos.domain.importing.tables import Wanted

if TYPE_CHECKING:
    from primepos.domain.importing.shapes import Reshape, Values

_AGREED: Final = frozenset({"yes", "y", "true", "1", "subscribed", "opted in", "ja", "oui", "sí", "si"})
_ADDRESS: Final = ("street", "street_2", "postal_code", "city", "state", "country")


def _person(values: Values) -> Values:
    """Put a name and an address together where they stand in several columns."""
    if not clean(values.get("name", "")):
        both = [clean(values.get(name, "")) for name in ("first_name", "last_name")]
        values["name"] = " ".join(part for part in both if part) or clean(values.get("nickname", ""))
    # A company without a person, or somebody of whom only the address is known, is called by that.
    values["name"] = values["name"] or clean(values.get("company", "")) or clean(values.get("email", ""))
    if not clean(values.get("address", "")):
        told = {name: clean(values.get(name, "")) for name in _ADDRESS}
        town = " ".join(part for part in (told["postal_code"], told["city"], told["state"]) if part)
        values["address"] = "\n".join(
            line for line in (told["street"], told["street_2"], town, told["country"]) if line
        )
    if clean(values.get("accepts_email", "")).casefold() in _AGREED:
        values["consents"] = "email"
    if clean(values.get("accepts_sms", "")).casefold() in _AGREED:
        values["consents"] = f"{values.get('consents', '')} sms".strip()
    return values


def _person_kept() -> Reshape:
    return _person


def _shape(system: str, title: str, marks: tuple[str, ...], **fields: tuple[str, ...]) -> Shape:
    return Shape(
        system,
        "customers",
        title,
        {name: Wanted(columns) for name, columns in fields.items()},
        marks=marks,
        reshape=_person_kept,
        dates=("born_on",),
    )


GENERIC_CUSTOMERS: Final = _shape(
    "generic",
    "a list of customers",
    (),
    number=("number", "customer number", "customer no", "customer code", "kundennummer", "kundnummer", "klantnummer",
            "numéro client", "n° client", "número de cliente", "codice cliente", "card number", "loyalty number"),
    key=("customer id", "id"),
    name=("name", "customer name", "full name", "customer", "kunde", "nombre completo", "nom complet", "naam"),
    first_name=("first name", "firstname", "given name", "vorname", "prénom", "nombre", "voornaam", "imię"),
    last_name=("last name", "lastname", "surname", "family name", "nachname", "nom", "nom de famille", "apellido",
               "apellidos", "cognome", "achternaam", "nazwisko", "sobrenome", "efternamn"),
    company=("company", "company name", "firma", "entreprise", "société", "empresa", "azienda", "bedrijf"),
    email=("email", "e-mail", "email address", "mail", "e-mail-adresse", "courriel", "correo", "correo electrónico"),
    phone=("phone", "phone number", "telephone", "mobile", "mobile phone", "telefon", "handy", "téléphone", "teléfono",
           "telefono", "telefone", "telefoon", "tel", "cell"),
    address=("address", "anschrift", "adresse", "dirección", "indirizzo", "endereço", "adres"),
    street=("street", "street address", "street address 1", "address 1", "address line 1", "straße", "strasse", "rue"),
    street_2=("street address 2", "address 2", "address line 2"),
    postal_code=("postal code", "zip", "zip code", "postcode", "plz", "code postal", "código postal", "cap"),
    city=("city", "town", "ort", "stadt", "ville", "ciudad", "città", "cidade", "plaats", "miasto"),
    state=("state", "province", "region", "bundesland", "province region"),
    country=("country", "land", "pays", "país", "paese"),
    tax_number=("tax number", "vat number", "vat id", "ust id", "ustid", "steuernummer", "nif", "siret", "partita iva"),
    born_on=("birthday", "date of birth", "birth date", "born on", "geburtstag", "geburtsdatum", "fecha de nacimiento"),
    notes=("note", "notes", "memo", "comment", "bemerkung", "notiz", "notas"),
    groups=("groups", "group", "customer group", "kundengruppe"),
    accepts_email=("newsletter", "email opt in", "accepts email marketing"),
    accepts_sms=("accepts sms marketing", "sms opt in"),
)  # fmt: skip
SQUARE_CUSTOMERS: Final = _shape(
    "square",
    "Square's customer directory",
    ("Square Customer ID", "First Name", "Email Address"),
    key=("Square Customer ID",),
    number=("Reference ID",),
    first_name=("First Name",),
    last_name=("Last Name",),
    nickname=("Nickname",),
    company=("Company Name",),
    email=("Email Address",),
    phone=("Phone Number",),
    street=("Street Address 1",),
    street_2=("Street Address 2",),
    city=("City",),
    state=("State",),
    postal_code=("Postal Code",),
    born_on=("Birthday",),
    notes=("Memo",),
    accepts_email=("Email Subscription Status",),
)
LOYVERSE_CUSTOMERS: Final = _shape(
    "loyverse",
    "Loyverse's customers",
    ("Customer name", "Customer code", "Total visits"),
    key=("Customer ID",),
    number=("Customer code",),
    name=("Customer name",),
    email=("Email",),
    phone=("Phone",),
    street=("Address",),
    city=("City",),
    state=("Province/Region", "Region"),
    postal_code=("Postal code",),
    country=("Country",),
    notes=("Note",),
)
SHOPIFY_CUSTOMERS: Final = _shape(
    "shopify",
    "Shopify's customer export",
    ("First Name", "Last Name", "Total Spent", "Total Orders", "Tax Exempt"),
    key=("Customer ID",),
    first_name=("First Name",),
    last_name=("Last Name",),
    email=("Email",),
    company=("Default Address Company", "Company"),
    street=("Default Address Address1", "Address1"),
    street_2=("Default Address Address2", "Address2"),
    city=("Default Address City", "City"),
    state=("Default Address Province Code", "Province"),
    country=("Default Address Country Code", "Country"),
    postal_code=("Default Address Zip", "Zip"),
    phone=("Phone", "Default Address Phone"),
    notes=("Note",),
    accepts_email=("Accepts Email Marketing",),
    accepts_sms=("Accepts SMS Marketing",),
)
WOO_CUSTOMERS: Final = _shape(
    "woocommerce",
    "WooCommerce's report of customers",
    ("Name", "Username", "Sign up", "Total spend"),
    key=("Username",),
    name=("Name",),
    email=("Email",),
    country=("Country / Region", "Country"),
    city=("City",),
    state=("Region",),
    postal_code=("Postal code", "Postal Code"),
)
CUSTOMERS: Final = (SQUARE_CUSTOMERS, LOYVERSE_CUSTOMERS, SHOPIFY_CUSTOMERS, WOO_CUSTOMERS)
