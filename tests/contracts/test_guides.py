"""What the guides tell people to type can be typed: every command exists and has the options that are shown."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from primepos.cli.lazy import LAZY, load_command

PAGES = sorted((Path(__file__).resolve().parents[2] / "docs" / "guides").glob("*.md"))
_BLOCK = re.compile(r"```(?:console|sh|bash)\n(.*?)```", re.DOTALL)
_ENDS = frozenset({"|", ">", ">>", "&&", ";", "&", "2>", "<"})
_ASSIGNED = re.compile(r"[A-Z_]+=")


def _typed(page: Path) -> list[list[str]]:
    """Return the words of each `primepos` command of a page's shell blocks."""
    found = []
    for block in _BLOCK.findall(page.read_text(encoding="utf-8")):
        for line in re.sub(r"\\\n\s*", " ", block).splitlines():
            text = line.strip()
            if not text.startswith(("$ ", "primepos ")) and not _ASSIGNED.match(text):
                continue
            words = shlex.split(text.removeprefix("$ "), comments=True)
            while words and _ASSIGNED.match(words[0]):
                words.pop(0)
            if words and words[0] == "primepos":
                end = next((place for place, word in enumerate(words) if word in _ENDS), len(words))
                found.append(words[1:end])
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_of_a_guide_exists_with_its_options(page):
    unknown = [" ".join(words) for words in _typed(page) if not _exists(words)]
    assert unknown == []


def _exists(words: list[str]) -> bool:
    if not words or words[0] not in LAZY:
        return words[:1] in ([], ["--help"], ["--version"])
    command, rest = load_command(words[0]), words[1:]
    known = {"--help", "-h"} | _options(command)
    while rest and rest[0] in getattr(command, "commands", {}):
        command, rest = command.commands[rest[0]], rest[1:]
        known |= _options(command)
    given = {word.partition("=")[0] for word in rest if word.startswith("--") and word != "--"}
    return given <= known


def _options(command) -> set[str]:
    return {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}


def test_the_pages_hold_commands_to_judge():
    assert sum(len(_typed(page)) for page in PAGES) > 50
