"""What a shop in a country most likely needs: currency, time zone and the rates of its sales tax.

Suggestions for the first minutes of a new shop, never applied to an existing one. Rates change: whoever sets a shop up
is shown them and can give others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from babel.core import get_global
from babel.numbers import get_territory_currencies


@dataclass(frozen=True, slots=True)
class Suggestion:
    """``rates`` in percent as text, the standard one first; ``included`` says whether shelf prices contain them.

    ``zone`` is empty where a country has several time zones and nothing speaks for one of them.
    """

    country: str
    currency: str
    zone: str
    rates: tuple[str, ...]
    included: bool
    tax_name: str


# country: zone, name of the tax, rates. Prices on the shelf contain the tax unless the name begins with "+".
_KNOWN: Final = {
    "AE": "Asia/Dubai VAT 5 0",
    "AT": "Europe/Vienna USt 20 10 13",
    "AU": "Australia/Sydney GST 10 0",
    "BE": "Europe/Brussels BTW 21 6 12",
    "BG": "Europe/Sofia VAT 20 9",
    "CA": "America/Toronto +GST 5 0",
    "CH": "Europe/Zurich MWST 8.1 2.6 3.8",
    "CY": "Asia/Nicosia VAT 19 5 9",
    "CZ": "Europe/Prague DPH 21 12",
    "DE": "Europe/Berlin USt 19 7",
    "DK": "Europe/Copenhagen moms 25",
    "EE": "Europe/Tallinn KM 24 9 13",
    "ES": "Europe/Madrid IVA 21 10 4",
    "FI": "Europe/Helsinki ALV 25.5 13.5 10",
    "FR": "Europe/Paris TVA 20 5.5 10",
    "GB": "Europe/London VAT 20 0 5",
    "GR": "Europe/Athens FPA 24 13 6",
    "HR": "Europe/Zagreb PDV 25 5 13",
    "HU": "Europe/Budapest AFA 27 5 18",
    "IE": "Europe/Dublin VAT 23 13.5 9 0",
    "IN": "Asia/Kolkata GST 18 5 0",
    "IS": "Atlantic/Reykjavik VSK 24 11",
    "IT": "Europe/Rome IVA 22 10 4 5",
    "JP": "Asia/Tokyo tax 10 8",
    "KR": "Asia/Seoul VAT 10 0",
    "LT": "Europe/Vilnius PVM 21 5 12",
    "LU": "Europe/Luxembourg TVA 17 8 14 3",
    "LV": "Europe/Riga PVN 21 5 12",
    "MT": "Europe/Malta VAT 18 5 7",
    "MX": "America/Mexico_City IVA 16 0",
    "NL": "Europe/Amsterdam BTW 21 9",
    "NO": "Europe/Oslo MVA 25 15 12",
    "NZ": "Pacific/Auckland GST 15",
    "PL": "Europe/Warsaw VAT 23 8 5",
    "PT": "Europe/Lisbon IVA 23 13 6",
    "RO": "Europe/Bucharest TVA 21 11",
    "SE": "Europe/Stockholm moms 25 12 6",
    "SG": "Asia/Singapore GST 9",
    "SI": "Europe/Ljubljana DDV 22 9.5 5",
    "SK": "Europe/Bratislava DPH 23 19 5",
    "TR": "Europe/Istanbul KDV 20 10 1",
    "US": " +tax 0",
    "ZA": "Africa/Johannesburg VAT 15 0",
}
# Where the tables of the installed Babel are behind.
_CURRENCY: Final = {"BG": "EUR"}
# How the second and further rates are called; a rate of zero is called so wherever it stands.
_CODES: Final = ("standard", "reduced", "reduced-2", "reduced-3", "reduced-4")


def suggest(country: str) -> Suggestion:
    """Return what a shop in a country (two letters) most likely needs; unknown countries get no tax rates."""
    told = _KNOWN.get(country, "").split(" ") if country in _KNOWN else ["", "tax"]
    zone, name, *rates = told
    currencies = get_territory_currencies(country) if country else []
    zones = get_global("territory_zones").get(country, [])
    return Suggestion(
        country=country,
        currency=_CURRENCY.get(country) or (currencies[0] if currencies else ""),
        zone=zone or (zones[0] if len(zones) == 1 else ""),
        rates=tuple(rates),
        included=not name.startswith("+"),
        tax_name=name.lstrip("+"),
    )


def taxes_of(
    rates: tuple[str, ...], name: str, *, included: bool
) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Return taxes and tax classes for rates in percent, as a shop's document has them; the first is the standard one.

    A shop without any tax still has a class called ``standard``, since every product needs one.
    """
    if not rates:
        return [], [{"code": "standard", "name": "No tax"}]
    taxes: list[dict[str, object]] = []
    classes: list[dict[str, object]] = []
    codes = iter(_CODES[1:])
    for place, rate in enumerate(rates):
        is_zero = not rate.strip("0.")
        code = _CODES[0] if place == 0 else "zero" if is_zero else next(codes, f"rate-{place}")
        title = code.replace("-", " ").capitalize()
        if is_zero:
            classes.append({"code": code, "name": title})
            continue
        taxes.append({"code": code, "name": f"{name} {rate} %", "amount": rate, "included": included})
        classes.append({"code": code, "name": title, "taxes": [code]})
    return taxes, classes
