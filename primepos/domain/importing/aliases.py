"""What columns are called in German, French, Spanish, Italian, Portuguese, Dutch, Polish and Swedish.

Names that mean one thing only: a file with these needs no questions. What could mean several things is left out and
asked about.
"""

from __future__ import annotations

from typing import Final

SKU: Final = (
    "artikelnummer", "artikelnr", "art nr", "artikel nr", "bestellnummer", "référence", "réf", "code article",
    "referencia", "código", "codigo de producto", "codice", "codice articolo", "código do produto", "artikelcode",
    "kod produktu", "indeks", "symbol", "item number", "item no", "product id", "plu",
)  # fmt: skip
PRODUCT: Final = (
    "bezeichnung", "artikelbezeichnung", "artikelname", "artikel", "produkt", "produktname", "produktbezeichnung",
    "désignation", "libellé", "nom du produit", "article name", "nom", "nombre", "nombre del producto", "producto",
    "descripción", "descrizione", "nome", "nome prodotto", "nome do produto", "produto", "omschrijving", "naam",
    "productnaam", "nazwa", "nazwa produktu", "benämning", "produktnamn", "label",
)  # fmt: skip
PRICE: Final = (
    "preis", "verkaufspreis", "vk preis", "vk brutto", "bruttopreis", "einzelpreis", "vk", "prix", "prix de vente",
    "prix ttc", "prix unitaire", "pvp", "precio", "precio de venta", "precio unitario", "prezzo", "prezzo di vendita",
    "prezzo unitario", "preço", "preço de venda", "preço unitário", "prijs", "verkoopprijs", "stuksprijs", "cena",
    "cena brutto", "cena jednostkowa", "pris", "à pris", "sales price", "default price", "list price",
)  # fmt: skip
BARCODE: Final = (
    "strichcode", "ean code", "ean13", "ean 13", "gtin ean", "code barres", "code barre", "código de barras",
    "codigo de barras", "codice a barre", "streepjescode", "kod kreskowy", "streckkod", "upc ean", "bar code",
)  # fmt: skip
CATEGORY: Final = (
    "kategorie", "warengruppe", "catégorie", "rayon", "famille", "categoría", "familia", "categoria", "reparto",
    "categorie", "kategoria", "kategori", "varugrupp", "product category", "group", "item group",
)  # fmt: skip
TAX_CLASS: Final = ("steuerklasse", "classe de taxe", "clase de impuesto", "classe fiscale", "belastingklasse")
UNIT: Final = ("einheit", "unité", "unidad", "unità", "unidade", "eenheid", "jednostka", "enhet", "uom")
TRACKED: Final = ("bestand führen", "lagergeführt", "suivi du stock", "gestionar inventario", "voorraad bijhouden")
QUANTITY: Final = (
    "menge", "anzahl", "stück", "quantité", "qté", "cantidad", "quantità", "quantidade", "aantal", "ilość", "antal",
    "quantity sold", "qty sold",
)  # fmt: skip
RECEIPT: Final = (
    "beleg", "belegnummer", "bonnummer", "rechnungsnummer", "numéro de ticket", "n° ticket", "ticket",
    "numéro de facture",
    "número de factura", "factura", "número de recibo", "recibo", "scontrino", "numero documento", "número da venda",
    "bonnr", "numer paragonu", "paragon", "kvitto", "kvittonummer", "order number", "order no", "receipt no",
    "transaction", "transaction number",
)  # fmt: skip
DATE: Final = ("datum", "verkaufsdatum", "belegdatum", "fecha", "data", "date de vente", "fecha de venta", "sale date",
               "order date", "transaction date", "created", "datetime")  # fmt: skip
TIME: Final = ("uhrzeit", "zeit", "heure", "hora", "ora", "tijd", "godzina", "tid")
CUSTOMER: Final = ("kunde", "kundennummer", "client", "n° client", "cliente", "klant", "klantnummer", "klient", "kund",
                   "kundnummer", "customer no")  # fmt: skip
STOCK: Final = (
    "bestand", "lagerbestand", "menge", "stock", "en stock", "quantité en stock", "existencias", "inventario",
    "giacenza", "estoque", "quantidade", "voorraad", "stan", "stan magazynowy", "lager", "saldo", "on hand",
    "in stock", "quantity on hand", "qty on hand", "available", "count", "counted", "quantity", "qty", "level",
    "current quantity", "stock level", "ilość", "antal", "anzahl", "cantidad", "quantità", "quantité",
)  # fmt: skip
PLACE: Final = (
    "filiale", "lager", "standort", "magasin", "emplacement", "tienda", "almacén", "ubicación", "negozio", "magazzino",
    "loja", "local", "winkel", "locatie", "sklep", "magazyn", "butik", "outlet", "location", "store", "shop",
    "warehouse", "branch",
)  # fmt: skip
