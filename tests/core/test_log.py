"""Logs: one line an event, the agreed fields, no secret in any of them, and never an exception."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
import threading
from contextvars import copy_context
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from primepos.core.log import bind, bound, bound_fields, configure_logging, get_logger, reset_logging, unbind
from primepos.core.redaction import CARD, REDACTED, Redactor, is_secret_name, luhn_holds, printable
from primepos.core.settings import Secret, load_settings

ROOT = Path(__file__).resolve().parents[2]
CANARY = "canary-5f2b9c"
JWT = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJjYW5hcnktNWYyYjljIn0.q3Jf0canary_sig-5f2b9c"
VISA, AMEX, MAESTRO = "4111111111111111", "378282246310005", "6759649826438453"


class Sink:
    """Settings and the stream they write to."""

    def __init__(self, tmp_path: Path, **environ: str) -> None:
        self.stream = io.StringIO()
        self.settings = load_settings(
            {"PRIMEPOS_ENV": "test", "PRIMEPOS_DATA_DIR": str(tmp_path), "LOG_FORMAT": "json", **environ}
        )
        configure_logging(self.settings, self.stream)

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def lines(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.text.splitlines()]


@pytest.fixture(autouse=True)
def fresh_logging():
    level = logging.getLogger().level
    yield
    reset_logging()
    logging.getLogger().setLevel(level)


@pytest.fixture
def sink(tmp_path):
    return Sink(tmp_path)


log = get_logger("primepos.tests")


def fail(text: str) -> None:
    raise RuntimeError(text)


# --- shape -----------------------------------------------------------------------------------------------------------


def test_a_line_has_the_agreed_fields_in_order(sink):
    log.info("sale.booked", msg="Sale booked", sale_id=UUID(int=7), total=1250)
    (line,) = sink.lines
    assert list(line) == ["ts", "level", "event", "msg", "sale_id", "total", "env"]
    assert line["level"] == "info"
    assert line["event"] == "sale.booked"
    assert line["msg"] == "Sale booked"
    assert line["sale_id"] == "00000000-0000-0000-0000-000000000007"
    assert line["total"] == 1250
    assert line["env"] == "test"
    at = datetime.fromisoformat(str(line["ts"]))
    assert at.utcoffset() is not None
    assert str(line["ts"]).endswith("+00:00")


def test_release_and_instance_come_from_the_platform(tmp_path):
    sink = Sink(tmp_path, RENDER_GIT_COMMIT="abc123", RENDER_INSTANCE_ID="srv-1")
    log.info("a.b")
    assert (sink.lines[0]["release"], sink.lines[0]["instance"]) == ("abc123", "srv-1")


def test_values_become_json(sink):
    class Kind(Enum):
        CASH = "cash"

    log.info(
        "a.b",
        amount=Decimal("1.10"), on=date(2026, 3, 2), at=datetime(2026, 3, 2, 12, tzinfo=UTC), kind=Kind.CASH, none=None,
        yes=True, ratio=0.5, not_a_number=float("nan"), endless=float("inf"), raw=b"abc", many={"x": [1, (2, "z")]},
        path=Path("/a"),
    )  # fmt: skip
    line = sink.lines[0]
    assert {name: line[name] for name in list(line)[4:-1]} == {
        "amount": "1.10", "on": "2026-03-02", "at": "2026-03-02T12:00:00+00:00", "kind": "cash", "none": None,
        "yes": True, "ratio": 0.5, "not_a_number": "nan", "endless": "inf", "raw": "<3 bytes>",
        "many": {"x": [1, [2, "z"]]}, "path": "/a",
    }  # fmt: skip


def test_lines_below_the_level_are_not_written(tmp_path):
    sink = Sink(tmp_path, LOG_LEVEL="warning")
    log.debug("a.b")
    log.info("a.b")
    logging.getLogger("library").info("quiet")
    log.warning("a.c")
    log.error("a.d")
    log.critical("a.e")
    assert [(line["level"], line["event"]) for line in sink.lines] == [
        ("warning", "a.c"), ("error", "a.d"), ("critical", "a.e"),
    ]  # fmt: skip


def test_an_exception_brings_its_type_its_text_and_the_end_of_its_trace(sink):
    try:
        fail(f"password={CANARY}")
    except RuntimeError:
        log.exception("job.failed", msg="The job failed", job=3)
    (line,) = sink.lines
    assert (line["level"], line["exc_type"]) == ("error", "RuntimeError")
    assert line["exc_msg"] == f"password={REDACTED}"
    assert "in fail" in str(line["trace"])
    assert CANARY not in sink.text


def test_console_lines_are_for_eyes_and_cannot_be_forged(tmp_path):
    sink = Sink(tmp_path, LOG_FORMAT="console")
    log.info("sale.booked", msg="Sale\n2026-01-01 INFO fake", name="a\x1b[2Jb", total=5)
    try:
        fail("one\n2026-01-01T00:00:00 INFO fake")
    except RuntimeError:
        log.exception("a.b")
    first, second, *rest = sink.text.splitlines()
    assert " INFO     sale.booked Sale\\x0a2026-01-01 INFO fake name=a\\x1b[2Jb total=5 env=test" in first
    assert " ERROR    a.b" in second
    assert all(line.startswith("    ") for line in rest)


# --- context ---------------------------------------------------------------------------------------------------------


def test_bound_fields_are_on_every_line_inside_and_gone_outside(sink):
    with bound(request_id="r1", tenant_id=5):
        log.info("a.b", tenant_id=6)
        with bound(user_id="u1"):
            log.info("a.c")
    log.info("a.d")
    first, second, third = sink.lines
    assert (first["request_id"], first["tenant_id"]) == ("r1", 6)
    assert list(second) == ["ts", "level", "event", "msg", "request_id", "tenant_id", "user_id", "env"]
    assert "request_id" not in third
    token = bind(job_id=1)
    assert bound_fields() == {"job_id": 1}
    unbind(token)
    assert bound_fields() == {}


def test_a_thread_with_a_copied_context_logs_the_request(sink):
    with bound(request_id="r1"):
        inside = threading.Thread(target=copy_context().run, args=(log.info, "a.b"))
        outside = threading.Thread(target=log.info, args=("a.c",))
        for thread in (inside, outside):
            thread.start()
            thread.join()
    assert [line.get("request_id") for line in sink.lines] == ["r1", None]


def test_standard_library_loggers_take_the_same_way(sink):
    with bound(request_id="r9"):
        logging.getLogger("uvicorn.error").warning("Started %s password=%s", "server", CANARY)
        (bridge,) = [one for one in logging.getLogger().handlers if type(one).__name__ == "_Bridge"]
        bridge.emit(logging.LogRecord("some.library", logging.ERROR, __file__, 1, "wrong %d", ("arguments",), None))
    first, second = sink.lines
    assert (first["level"], first["event"], first["request_id"]) == ("warning", "uvicorn.error", "r9")
    assert first["msg"] == f"Started server password={REDACTED}"
    assert second["msg"] == "wrong %d"


def test_configuring_again_replaces_what_was_there(tmp_path, sink):
    other = Sink(tmp_path)
    log.info("a.b")
    logging.getLogger("library").warning("once")
    assert sink.text == ""
    assert len(other.lines) == 2


# --- secrets ---------------------------------------------------------------------------------------------------------


def test_no_canary_reaches_the_log_whatever_way_it_takes(tmp_path):
    secrets = {
        "SECRET_KEY": f"sk-{CANARY}-0123456789-0123456789-0123456789-0123456789", "PIN_PEPPER": f"pp-{CANARY}" * 3,
        "BACKUP_KEY": f"bk-{CANARY}" * 3, "JWT_SECRET_KEY": f"jwt-{CANARY}" * 3, "METRICS_TOKEN": f"mt-{CANARY}" * 3,
        "DATABASE_URL": f"postgresql://me:db%2F{CANARY}@127.0.0.1/db", "EMAIL_HOST_PASSWORD": f"SG.{CANARY}",
        "SENTRY_DSN": f"https://{CANARY}@o1.ingest.sentry.io/1", "JWT_SECRET_KEY_FALLBACKS": f"old-{CANARY}-" * 3,
    }  # fmt: skip
    for style in ("json", "console"):
        sink = Sink(tmp_path, LOG_FORMAT=style, **secrets)
        settings = sink.settings
        for name, text in secrets.items():
            told = f"the value {text} leaked"
            log.info("free.text", msg=told, **{name.lower(): text, "innocent": text})
            log.info("nested", data={"deep": [{"list": [text]}], name: text})
            logging.getLogger("library").warning("%s=%s", name, text)
        log.info("objects", settings=settings, secret=settings.secret_key, many=settings.jwt_secret_key_fallbacks)
        log.info("dsn", text=f"could not connect to postgresql://u:{CANARY}@h:5432/db?x=1")
        log.info("plain", text=f"password is db/{CANARY} and url form db%2F{CANARY}")
        log.info("jwt", text=f"got {JWT}", header=f"Authorization: Bearer {CANARY}-{CANARY}")
        log.info("basic", header=f"basic {CANARY}{CANARY}", cookie=CANARY, set_cookie=CANARY)
        log.info(
            "shapes", body=f'{{"password": "{CANARY} with spaces", "pin": "{CANARY}"}}', q=f"/x?token={CANARY}&a=1"
        )
        log.info("repr", value=f"Login(email='a', password='{CANARY}', secret=\"{CANARY}\")")
        log.info("keys", api_key=CANARY, apiKey=CANARY, Authorization=CANARY, refresh_token=CANARY, staff_pin=CANARY)
        log.info("bytes", raw=CANARY.encode())
        with bound(session_token=CANARY, note=f"password: {CANARY}"):
            log.info("bound")
        try:
            fail(f"connection to postgres://u:{CANARY}@h failed, token={CANARY}")
        except RuntimeError:
            log.exception("raised", error=f"secret={CANARY}")
        assert len(sink.text.splitlines()) > 30
        assert CANARY not in sink.text


@pytest.mark.parametrize(
    "number", [VISA, AMEX, MAESTRO, "4111 1111 1111 1111", "4111-1111-1111-1111", "5555555555554444"]
)
def test_card_numbers_are_blanked_in_text_and_as_numbers(sink, number):
    told, digits = f"paid with {number}.", int(number.replace(" ", "").replace("-", ""))
    log.info("a.b", msg=told, note=f"x{number}y", digits=digits)
    line = sink.lines[0]
    assert line["msg"] == f"paid with {CARD}."
    assert line["note"] == f"x{CARD}y"
    assert line["digits"] == CARD


@pytest.mark.parametrize(
    "text",
    ["4111111111111112", "5901234123457", "4006381333931", "1234567890123456", "2026-03-02 12:00:00.000000+00:00"],
)
def test_barcodes_and_other_numbers_stay(sink, text):
    log.info("a.b", msg=text)
    assert sink.lines[0]["msg"] == text


@pytest.mark.parametrize(
    "name",
    ["password", "new_password", "PASSWORD", "Authorization", "access_token", "refresh-token", "pin", "staff_pin",
     "pins",
     "secret_key", "api_key", "apikey", "BACKUP_KEY", "dsn", "sentry_dsn", "cookie", "cvv", "pan", "card_number",
     "database_url", "jwt", "otp", "PIN_PEPPER", "pin_hash"],
)  # fmt: skip
def test_names_of_secrets(name):
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    ["idempotency_key", "key", "sort_key", "barcode", "shipping", "spinner", "pinned", "token_type", "company",
     "span_id",
     "discount", "category", "user_id", "permission"],
)  # fmt: skip
def test_names_that_are_no_secrets(name):
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "-----BEGIN EC PRIVATE KEY-----\nMHcCAQ\nEE\n-----END EC PRIVATE KEY----- rest",
            f"{REDACTED} rest",
        ),
        ("cut -----BEGIN PRIVATE KEY-----\nMHcCAQEE", f"cut {REDACTED}"),
        ("hash $argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$aGFzaA+/ here", f"hash {REDACTED} here"),
        ("SG.abcdefgh_-12.ABCDEFGHijkl and AKIAIOSFODNN7EXAMPLE", f"{REDACTED} and {REDACTED}"),
        ("ghp_0123456789abcdefghijABCDEFGHIJ012345", REDACTED),
        ("a SG. and AKIA and ghp_ alone, ASIAN too", "a SG. and AKIA and ghp_ alone, ASIAN too"),
        (
            "DETAIL:  Key (tenant_id, email)=(7, olga@example.org) already exists.",
            f"DETAIL:  Key (tenant_id, email)=({REDACTED}) already exists.",
        ),
        (
            "DETAIL:  Failing row contains (1, Olga (owner), two\nlines, x).\n[SQL: INSERT]",
            f"DETAIL:  Failing row contains ({REDACTED}).\n[SQL: INSERT]",
        ),
        ("Failing row contains (1, never closed", f"Failing row contains ({REDACTED})"),
        ("Key (F1) opens help", "Key (F1) opens help"),
    ],
)
def test_what_says_by_its_shape_what_it_is_is_blanked(text, shown):
    assert Redactor().blank(text) == shown


def test_a_row_that_the_database_refuses_is_repeated_nowhere(database_url):
    with psycopg.connect(database_url) as connection, pytest.raises(psycopg.Error) as refused:
        connection.execute(f"CREATE TEMP TABLE probe (a text PRIMARY KEY, b int CHECK (b > 0)); {_INSERT}")
    assert CANARY in str(refused.value)
    assert CANARY not in Redactor().text(str(refused.value))


_INSERT = f"INSERT INTO probe VALUES ('{CANARY} (with) brackets', 0)"


def test_luhn():
    assert luhn_holds("79927398713")
    assert not any(luhn_holds(f"7992739871{digit}") for digit in "012456789")


def test_a_learnt_secret_is_blanked_in_both_its_spellings_but_never_a_short_one():
    redactor = Redactor([Secret("p@ss/word-1"), Secret("till")])
    assert redactor.text("a p@ss/word-1 b p%40ss%2Fword-1 c till") == f"a {REDACTED} b {REDACTED} c till"


# --- size, control characters, robustness ----------------------------------------------------------------------------


def test_a_field_is_cut_at_2_kb_and_says_how_long_it_was(sink):
    log.info("a.b", long="x" * 100_000, items=list(range(5000)))
    line = sink.lines[0]
    assert line["long"] == "x" * 2048 + "... [100000 characters]"
    assert line["items"] == list(range(100))


def test_a_secret_that_the_cut_would_split_is_not_shown():
    text = "a" * 32_000 + " password=" + "s3cr3t" * 2000
    assert "s3cr3t" not in Redactor().text(text, cap=100_000)


def test_control_characters_are_written_out(sink):
    log.info("a.b", msg="x\x1b]0;title\x07y\x9b2Jz\u202e\u2028\u200b\x7f", **{"na\x1bme": "\r\n"})
    raw = sink.text
    assert raw.count("\n") == 1
    assert not any(ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 for character in raw.rstrip("\n"))
    assert not any(character in raw for character in "\u202e\u2028\u200b")
    assert printable("a\x00\n\t\x9b\u2066b") == "a\\x00\\x0a\\x09\\x9b\\u2066b"


def test_logging_never_raises(tmp_path):
    class Broken:
        def __str__(self) -> str:
            raise RuntimeError("no text for you")

    class Odd(dict):
        def items(self):
            raise RuntimeError("no items for you")

    loop: list[object] = []
    loop.append(loop)
    sink = Sink(tmp_path)
    log.info("a.b", value=Broken(), loop=loop, surrogate="\ud800", **{"": 1})
    log.info("a.c", odd=Odd(a=1))
    log.exception("a.d", msg="none is being handled")  # noqa: LOG004 - on purpose
    log.info("a.e", event="twice", level="fake", ts="fake")
    assert sink.lines[0]["value"] == "<Broken that cannot be shown: RuntimeError>"
    assert sink.lines[1]["event"] == "log.failed"
    assert sink.lines[2]["event"] == "a.d"
    assert (sink.lines[3]["level"], sink.lines[3]["event"], sink.lines[3]["event_"]) == ("info", "a.e", "twice")
    sink.text.encode("utf-8")


def test_a_closed_stream_is_no_reason_to_stop(tmp_path):
    sink = Sink(tmp_path)
    sink.stream.close()
    log.error("a.b")
    logging.getLogger("library").error("also")


def test_a_stream_that_cannot_hold_a_character_is_no_reason_to_stop(tmp_path):
    raw = io.BytesIO()
    settings = load_settings({"PRIMEPOS_ENV": "test", "PRIMEPOS_DATA_DIR": str(tmp_path)})
    configure_logging(settings, io.TextIOWrapper(raw, encoding="ascii"))
    log.info("a.b", msg="Käse")
    log.info("a.c", msg="cheese")
    assert b"K\\xe4se" in raw.getvalue()
    assert b"cheese" in raw.getvalue()


@given(
    st.dictionaries(
        st.text(), st.recursive(st.none() | st.text() | st.integers() | st.floats() | st.binary(), st.lists)
    )
)
def test_any_fields_become_one_line_of_json(values):
    fields = Redactor().fields(values)
    line = json.dumps(fields, ensure_ascii=False, allow_nan=False)
    assert "\n" not in line
    line.encode("utf-8")


@pytest.mark.parametrize(
    ("unit", "times"),
    [
        ("password", 4000), ("a:", 16_000), ("eyJ", 10_000), ("4", 30_000), ("x://", 8000), ("=", 32_000),
        ("bearer ", 5000), ("pin=", 8000), ('"password": "', 2000), ("token ", 5000), ("@", 32_000),
        ("Key (a)=(", 3000), ("Failing row contains (", 1400), ("-----BEGIN A-----", 1800), ("$argon2id$", 3000),
        ("SG.", 9000),
    ],
)  # fmt: skip
@pytest.mark.timeout(5)
def test_no_text_makes_a_pattern_run_away(unit, times):
    Redactor().text(unit * times)


# --- before it is configured -----------------------------------------------------------------------------------------


def test_before_configuration_warnings_reach_stderr_redacted_and_nothing_heavy_is_loaded():
    probe = (
        "import sys\n"
        "from primepos.core.log import get_logger\n"
        "log = get_logger('x')\n"
        "log.info('quiet.event')\n"
        "log.warning('loud.event', msg='Beware\\n', password='canary', pin=1)\n"
        "print(sorted({'structlog', 'rich', 'environs'} & sys.modules.keys()))\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", probe], cwd=ROOT, env={**os.environ}, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"
    assert answer.stderr == f"loud.event Beware\\x0a password={REDACTED} pin={REDACTED}\n"
