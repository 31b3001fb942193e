"""Drawing labels on sheets, as PDF.

Bars are vectors of whole modules with their quiet zones, between 80 and 100 percent of the nominal size (0.33 mm a
module; GS1 General Specifications, 5.2.6.6), so a scanner reads them from the printer's paper. Lengths are in points
of 1/72 inch; they are geometry, and no amount of money is worked out here.
"""

from __future__ import annotations

import io
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from unicodedata import combining, normalize

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from decimal import Decimal

    from primepos.domain.catalog.label_schemas import LabelOut
    from primepos.domain.catalog.sheets import SheetFormat

# The drawing library has no types.
Points = Any
MM: Final = 720 / 254
NOMINAL_MM: Final = 33 / 100
LEAST_EAN_MM: Final = 264 / 1000
# Code 128 has no least size of its own; below this a handheld scanner has trouble with a common laser print.
LEAST_128_MM: Final = 19 / 100
# Modules with the quiet zones of GS1: 11 and 7 for EAN-13, 9 and 9 for UPC-A, 7 and 7 for EAN-8.
_MODULES: Final = {"EAN-13": 113, "UPC-A": 113, "EAN-8": 81}
_DRAWN_AS: Final = {"EAN-13": "EAN13", "UPC-A": "UPCA", "EAN-8": "EAN8", "Code 128": "Code128"}
_QUIET_128: Final = 20
# Letters beyond Western Europe need a font that has them; the first that this machine has is taken into the PDF.
_FONTS: Final = (
    "/usr/share/fonts/truetype/dejavu/DejaVuSans{}.ttf",
    "/usr/share/fonts/dejavu-sans-fonts/DejaVuSans{}.ttf",
    "/usr/share/fonts/TTF/DejaVuSans{}.ttf",
)
_MARGIN_MM: Final = 3 / 2


class _Pen:
    """Draws one sheet after the other."""

    def __init__(self, sheet: SheetFormat, write: Callable[[LabelOut], tuple[str, str]]) -> None:
        from reportlab.pdfgen.canvas import Canvas

        self.sheet = sheet
        self.write = write
        self.out = io.BytesIO()
        size = tuple(_points(each) for each in sheet.paper)
        self.canvas = Canvas(self.out, pagesize=size, invariant=True, initialFontName="Helvetica")
        self.plain, self.bold, self.face = _fonts()
        self.pages = 1
        self.without_code: list[str] = []

    def label(self, place: int, item: LabelOut, *, outline: bool) -> None:
        """Draw a label at its place on the present sheet."""
        left, top = (_points(each) for each in self.sheet.place(place))
        width, height = _points(self.sheet.width), _points(self.sheet.height)
        bottom = _points(self.sheet.paper[1]) - top - height
        if outline:
            self.canvas.setLineWidth(25 / 100)
            self.canvas.rect(left, bottom, width, height)
        margin = _MARGIN_MM * MM
        x, y, w, h = left + margin, bottom + margin, width - 2 * margin, height - 2 * margin
        size = min(9, h / 8)
        price, per = self.write(item)
        lines = self._wrapped(item.name, self.bold, size, w)
        cursor = y + h
        for line in lines:
            cursor -= size * 11 / 10
            self._text(x, cursor, line, self.bold, size)
        large = size * 17 / 10
        cursor -= large
        self._text(x, cursor, price, self.bold, large)
        room = w - self._width(price, self.bold, large) - 4
        if per:
            fitted = self._fitted(per, self.plain, size * 85 / 100, room)
            self.canvas.setFont(self.plain, fitted)
            self.canvas.drawRightString(x + w, cursor, self._known(per))
        cursor -= size * 5 / 10
        if not self._code(item, x, y, w, cursor - y):
            self.without_code.append(item.sku)
            self._text(x, y, item.sku, self.plain, size * 8 / 10)

    def _code(self, item: LabelOut, x: Points, y: Points, width: Points, height: Points) -> bool:
        """Draw the code into what room is left; tell whether there is one and it has room."""
        if item.code is None or item.symbology is None or height < 4 * MM:
            return False
        from reportlab.graphics import renderPDF
        from reportlab.graphics.barcode import createBarcodeDrawing

        modules = _MODULES.get(item.symbology)
        is_plain = modules is None
        if modules is None:
            probe = createBarcodeDrawing("Code128", value=item.code, barWidth=1, barHeight=10, quiet=False)
            modules = round(probe.width) + _QUIET_128
        module = min(NOMINAL_MM, width / MM / modules)
        if module < (LEAST_128_MM if is_plain else LEAST_EAN_MM):
            return False
        bar = module * MM
        size = min(7, height / 4)
        # The other symbologies have their digits between the bars; this one gets a line of its own.
        under = size * 12 / 10 if is_plain else 0
        own: dict[str, Any] = {"lquiet": 10 * bar, "rquiet": 10 * bar} if is_plain else {"fontSize": size}
        drawing = createBarcodeDrawing(
            _DRAWN_AS[item.symbology],
            value=item.code,
            barWidth=bar,
            barHeight=height - under,
            humanReadable=not is_plain,
            quiet=True,
            **own,
        )
        renderPDF.draw(drawing, self.canvas, x, y + under)
        if is_plain:
            self._text(x + 10 * bar, y, item.code, self.plain, size)
        return True

    def next_page(self) -> None:
        """Begin another sheet."""
        self.canvas.showPage()
        self.pages += 1

    def finished(self) -> bytes:
        """Return the PDF."""
        self.canvas.save()
        return self.out.getvalue()

    # --- text -------------------------------------------------------------------------------------------------------

    def _known(self, text: str) -> str:
        """Return a text in the letters that the font has: without marks where need be, else a question mark."""
        return "".join(_letter(sign, self.face) for sign in text)

    def _width(self, text: str, font: str, size: Points) -> Points:
        return self.canvas.stringWidth(self._known(text), font, size)

    def _text(self, x: Points, y: Points, text: str, font: str, size: Points) -> None:
        self.canvas.setFont(font, size)
        self.canvas.drawString(x, y, self._known(text))

    def _fitted(self, text: str, font: str, size: Points, room: Points) -> Points:
        wide = self._width(text, font, size)
        return size if wide <= room else max(4, size * max(room, 1) / wide)

    def _wrapped(self, text: str, font: str, size: Points, room: Points) -> list[str]:
        """Return a text in at most two lines; what has no room ends in dots."""
        lines = [""]
        for word in text.split():
            longer = f"{lines[-1]} {word}".strip()
            if self._width(longer, font, size) <= room or not lines[-1]:
                lines[-1] = longer
            else:
                lines.append(word)
        kept = lines[:2]
        if len(lines) > 2:
            kept[1] += "..."
        return [self._cut(line, font, size, room) for line in kept]

    def _cut(self, line: str, font: str, size: Points, room: Points) -> str:
        while self._width(line, font, size) > room and len(line) > 4:
            line = f"{line.removesuffix('...')[:-1]}..."
        return line


def draw_labels(
    sheet: SheetFormat,
    items: Sequence[LabelOut],
    write: Callable[[LabelOut], tuple[str, str]],
    *,
    start: int = 1,
    outlines: bool = False,
) -> tuple[bytes, int, list[str]]:
    """Draw labels on as many sheets as they need, the first at label ``start``.

    ``write`` gives the price and the price per measure as people read them. Returns the PDF, its pages, and the SKUs
    of the labels without a code.
    """
    pen = _Pen(sheet, write)
    place = (start - 1) % sheet.count
    for n, item in enumerate(each for each in items for _ in range(each.copies)):
        if n and place == 0:
            pen.next_page()
        pen.label(place, item, outline=outlines)
        place = (place + 1) % sheet.count
    return pen.finished(), pen.pages, list(dict.fromkeys(pen.without_code))


def _points(millimetres: Decimal) -> Points:
    top, bottom = millimetres.as_integer_ratio()
    return top / bottom * MM


@lru_cache(maxsize=1)
def _fonts() -> tuple[str, str, Any]:
    """Register the fonts and return the names of plain and bold, and what letters plain has."""
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    for pattern in _FONTS:
        plain, bold = pattern.format(""), pattern.format("-Bold")
        if Path(plain).is_file() and Path(bold).is_file():
            break
    else:
        # Comes with the library: Western Europe.
        plain, bold = "Vera.ttf", "VeraBd.ttf"
    fonts = TTFont("LabelPlain", plain), TTFont("LabelBold", bold)
    for font in fonts:
        pdfmetrics.registerFont(font)
    return "LabelPlain", "LabelBold", frozenset(fonts[0].face.charToGlyph) & frozenset(fonts[1].face.charToGlyph)


@lru_cache(maxsize=4096)
def _letter(sign: str, face: frozenset[int]) -> str:
    if ord(sign) in face:
        return sign
    plain = "".join(each for each in normalize("NFKD", sign) if not combining(each))
    return plain if plain and all(ord(each) in face for each in plain) else "?"
