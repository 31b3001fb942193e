"""Write the generated pages of docs/, or check that they are up to date and that no link is dead.

python scripts/docs.py [--check]
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

GENERATED = "<!-- Made by `python scripts/docs.py`; do not edit. -->\n\n"
_LINK = re.compile(r"(?<!`)\[[^\]]*\]\((?!\w+:)(?P<target>[^)#\s]*)(?:#[^)]*)?\)")
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def exit_codes() -> str:
    """Return the page of exit codes."""
    from primepos.cli.exits import exit_code_table

    intro = "# Exit codes\n\nData goes to stdout, everything else to stderr. Scripts may rely on these codes.\n\n"
    return GENERATED + intro + exit_code_table()


def command_reference() -> str:
    """Return the help of every command, as a person at an 80-column terminal sees it."""
    import typer

    from primepos.cli.lazy import LAZY, load_command
    from primepos.cli.main import app

    os.environ["COLUMNS"] = "80"
    for name in [name for name in os.environ if name.startswith("PRIMEPOS_")]:
        del os.environ[name]
    root = typer.main.get_command(app)
    context = root.make_context("primepos", [], resilient_parsing=True)
    pages = [_help("primepos", root, None)]
    for name in LAZY:
        pages += _help_tree(f"primepos {name}", load_command(name), context)
    return GENERATED + "# Command line reference\n\n" + "\n".join(pages)


def _help_tree(path: str, command: Any, parent: Any) -> Iterator[str]:
    yield _help(path, command, parent)
    context = command.make_context(path.rsplit(maxsplit=1)[-1], [], parent=parent, resilient_parsing=True)
    for name, child in sorted(getattr(command, "commands", {}).items()):
        yield from _help_tree(f"{path} {name}", child, context)


def _help(path: str, command: Any, parent: Any) -> str:
    context = command.make_context(path.rsplit(maxsplit=1)[-1], [], parent=parent, resilient_parsing=True)
    lines = "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
    return f"## {path}\n\n```text\n{lines}\n```\n"


PAGES: dict[str, Callable[[], str]] = {
    "docs/cli.md": command_reference,
    "docs/exit-codes.md": exit_codes,
}


def dead_links(root: Path) -> list[str]:
    """Return `page: target` for every relative link of a Markdown page that leads nowhere."""
    pages = [*root.glob("*.md"), *(root / "docs").rglob("*.md")]
    return [
        f"{page.relative_to(root)}: {match['target']}"
        for page in sorted(pages)
        for match in _LINK.finditer(_FENCE.sub("", page.read_text(encoding="utf-8")))
        if match["target"] and not (page.parent / unquote(match["target"])).exists()
    ]


def main(arguments: list[str]) -> int:
    """Write the pages, or with --check say which are stale; return 1 if something is wrong."""
    wrong = []
    for name, make in PAGES.items():
        path, text = ROOT / name, make()
        if "--check" not in arguments:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            wrong.append(f"{name} is stale: run `python scripts/docs.py`")
    wrong += [f"dead link in {link}" for link in dead_links(ROOT)]
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
