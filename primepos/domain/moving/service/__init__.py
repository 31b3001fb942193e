"""Operations on whole tenants: carried to another server, and erased."""

from primepos.domain.moving.service.carrying import (
    begin_move,
    finish_arrival,
    give_up_arrival,
    open_arrival,
    outline,
    put_file,
    put_rows,
    read_file,
    read_rows,
)
from primepos.domain.moving.service.erasing import agree_erasure, ask_erasure, cancel_erasure, run_erasure

__all__ = [
    "agree_erasure",
    "ask_erasure",
    "begin_move",
    "cancel_erasure",
    "finish_arrival",
    "give_up_arrival",
    "open_arrival",
    "outline",
    "put_file",
    "put_rows",
    "read_file",
    "read_rows",
    "run_erasure",
]
