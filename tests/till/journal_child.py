"""A till process for the journal's tests: sells as fast as it can and prints a receipt after each append.

python journal_child.py JOURNAL
"""

from __future__ import annotations

import sys
from pathlib import Path

from primepos.till.errors import JournalInUse
from primepos.till.journal import Journal
from tests.till.sales import ACTOR, AT, REGISTER, a_sale


def main() -> None:
    try:
        journal = Journal(Path(sys.argv[1]), register_id=REGISTER, prefix="T1")
    except JournalInUse as error:
        sys.stdout.write(f"{error.code}\n")
        return
    sys.stdout.write("open\n")
    sys.stdout.flush()
    for n in range(1, 1_000_000):
        sale = a_sale(n)
        journal.record(sale.id, b"{}", at=AT, who="7")
        sealed = journal.append_sale(sale, actor=ACTOR)
        # The receipt: whoever reads this line has it in the hand.
        sys.stdout.write(f"{sealed.number} {sealed.hash}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
