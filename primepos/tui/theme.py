"""The colours of every screen: dark, light and high contrast. Each text stands on its ground with WCAG 2.1 AA contrast.

Colour is never the only sign: the selected line has a mark, an error a title, a lost connection a word.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from textual.theme import Theme


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours by what they are for; ``on_*`` is the text on the ground of that name."""

    name: str
    dark: bool
    ground: str
    text: str
    quiet: str
    panel: str
    chosen: str
    on_chosen: str
    accent: str
    good: str
    warning: str
    alarm: str
    on_alarm: str
    edge: str

    def pairs(self) -> list[tuple[str, str, str]]:
        """Return every text colour with a ground it stands on, by name."""
        grounds = {"ground": self.ground, "panel": self.panel}
        texts = {
            "text": self.text,
            "quiet": self.quiet,
            "accent": self.accent,
            "good": self.good,
            "warning": self.warning,
        }
        found = [(f"{t} on {g}", text, ground) for g, ground in grounds.items() for t, text in texts.items()]
        return [*found, ("on_chosen", self.on_chosen, self.chosen), ("on_alarm", self.on_alarm, self.alarm)]

    def theme(self) -> Theme:
        """Return it as Textual takes it; the stylesheets use ``$till-*`` for what is named here."""
        names = ("quiet", "chosen", "on-chosen", "good", "alarm", "on-alarm", "edge")
        return Theme(
            name=self.name,
            primary=self.accent,
            secondary=self.accent,
            accent=self.accent,
            foreground=self.text,
            background=self.ground,
            surface=self.ground,
            panel=self.panel,
            success=self.good,
            warning=self.warning,
            error=self.alarm,
            dark=self.dark,
            variables={f"till-{name}": getattr(self, name.replace("-", "_")) for name in names},
        )


DARK: Final = Palette(
    name="primepos",
    dark=True,
    ground="#0f151b",
    text="#e8eef3",
    quiet="#9db0c0",
    panel="#18222c",
    chosen="#24435a",
    on_chosen="#ffffff",
    accent="#7fd6c8",
    good="#9ad48b",
    warning="#f0c674",
    alarm="#8c2336",
    on_alarm="#fff1f3",
    edge="#33475a",
)
LIGHT: Final = Palette(
    name="primepos-light",
    dark=False,
    ground="#fbfaf7",
    text="#1b242c",
    quiet="#4d5c68",
    panel="#efece4",
    chosen="#cfe5e9",
    on_chosen="#10222b",
    accent="#0b5f57",
    good="#2b6322",
    warning="#75500a",
    alarm="#9c1f36",
    on_alarm="#ffffff",
    edge="#b9b3a4",
)
CONTRAST: Final = Palette(
    name="primepos-contrast",
    dark=True,
    ground="#000000",
    text="#ffffff",
    quiet="#e0e0e0",
    panel="#000000",
    chosen="#ffff00",
    on_chosen="#000000",
    accent="#00ffff",
    good="#00ff00",
    warning="#ffff00",
    alarm="#ffffff",
    on_alarm="#000000",
    edge="#ffffff",
)
PALETTES: Final = (DARK, LIGHT, CONTRAST)


def contrast(first: str, second: str) -> float:
    """Return the contrast ratio of two colours as WCAG 2.1 defines it, from 1 to 21."""
    lighter, darker = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(int(colour[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
