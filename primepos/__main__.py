"""``primepos`` and ``python -m primepos``: answer ``--version`` at once, hand all else to the command line."""

from __future__ import annotations

import sys

from primepos import __version__


def main() -> None:
    """Run the command line and leave the process with its exit code."""
    if sys.argv[1:] == ["--version"]:
        # Monitoring asks this every minute: answered before anything else is imported.
        sys.stdout.write(f"primepos {__version__}\n")
        return
    from primepos.cli.main import app, run

    sys.exit(run(app, sys.argv[1:]))


if __name__ == "__main__":
    main()
