"""Structured logs: one line, one event, no secrets.

``log = get_logger(__name__)`` then ``log.info("sale.booked", msg="Sale booked", sale_id=sale.id)``: a stable dotted
event, a sentence, fields. ``bound(request_id=...)`` adds fields to every line inside it, across threads that copy
the context. ``configure_logging(settings, stream)`` decides level, format and stream and routes the standard
library's loggers (uvicorn, SQLAlchemy, procrastinate) the same way.

Lines hold ts (UTC, RFC 3339 with offset), level, event, msg, what is bound (request_id, trace_id, span_id, tenant_id,
user_id, role, outlet_id ...), env, release, instance and the fields given. Writing one never raises.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar, Token
from dataclasses import fields
from datetime import UTC, datetime
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from primepos.core.database_url import parse_database_url
from primepos.core.redaction import Redactor, printable
from primepos.core.settings_types import LogFormat, Secret

if TYPE_CHECKING:
    from primepos.core.settings import Settings

_FIRST = ("ts", "level", "event", "msg", "request_id")
_TRACE = "trace"
_REPORTED = frozenset({"error", "critical"})
_TAKEN = frozenset({"event"})
# What carries reports and traces; if it breaks, a report about that would go nowhere either.
_CARRIERS = frozenset({"opentelemetry", "sentry_sdk", "urllib3", "requests"})
_QUIET_LIBRARIES = (*_CARRIERS, "alembic", "procrastinate", "sqlalchemy", "httpx", "httpcore", "asyncio", "multipart")

_bound: ContextVar[Mapping[str, object]] = ContextVar("primepos_log_fields", default=MappingProxyType({}))
_silent: ContextVar[bool] = ContextVar("primepos_log_silent", default=False)

Line = MutableMapping[str, Any]
ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]


class Reporter(Protocol):
    """Hears of errors that were logged with their exception."""

    def __call__(self, error: BaseException, fields: Mapping[str, object], /) -> None:
        """Take note; must neither raise nor block. ``fields`` are those of the line, not yet redacted."""
        ...


def _nobody(error: BaseException, fields: Mapping[str, object], /) -> None:
    del error, fields


class _State:
    """What ``configure_logging`` decided for this process."""

    structlog_ready = False
    redactor = Redactor()
    report: Reporter = staticmethod(_nobody)


class Logger:
    """Writes events. Cheap to make: structlog is loaded when the process configures logging, not before."""

    __slots__ = ("_name", "_ready_for", "_real")

    def __init__(self, name: str) -> None:
        self._name = name
        self._real: Any = None
        self._ready_for: object = None

    def debug(self, event: str, /, msg: str = "", **values: object) -> None:
        """Write what only a developer wants to see."""
        self._write("debug", event, msg, values)

    def info(self, event: str, /, msg: str = "", **values: object) -> None:
        """Write what happened as it should."""
        self._write("info", event, msg, values)

    def warning(self, event: str, /, msg: str = "", **values: object) -> None:
        """Write what somebody should look at some day."""
        self._write("warning", event, msg, values)

    def error(self, event: str, /, msg: str = "", **values: object) -> None:
        """Write what somebody must look at."""
        self._write("error", event, msg, values)

    def exception(self, event: str, /, msg: str = "", **values: object) -> None:
        """Write an error with the exception that is being handled."""
        self._write("error", event, msg, {**values, "exc_info": True})

    def critical(self, event: str, /, msg: str = "", **values: object) -> None:
        """Write what stops the service."""
        self._write("critical", event, msg, values)

    def _write(self, level: str, event: str, msg: str, values: dict[str, object]) -> None:
        if _silent.get():
            return
        if not _State.structlog_ready:
            _write_plain(self._name, level, event, msg, values)
            return
        if self._ready_for is not _State.redactor:
            import structlog

            self._real, self._ready_for = structlog.get_logger(self._name), _State.redactor
        # A field may be called like a part of the line; the part stays what it is.
        given = {f"{name}_" if name in _TAKEN else name: value for name, value in values.items()}
        getattr(self._real, level)(event, **given, msg=msg)


def get_logger(name: str) -> Logger:
    """Return the logger of a module."""
    return Logger(name)


@contextmanager
def bound(**values: object) -> Iterator[None]:
    """Add fields to every line written inside; the ones outside come back afterwards."""
    token = bind(**values)
    try:
        yield
    finally:
        unbind(token)


def bind(**values: object) -> Token[Mapping[str, object]]:
    """Add fields to every line of this context from now on; ``unbind`` takes them away."""
    return _bound.set({**_bound.get(), **values})


def unbind(token: Token[Mapping[str, object]]) -> None:
    """Restore the fields as they were before ``bind``."""
    _bound.reset(token)


@contextmanager
def silenced() -> Iterator[None]:
    """Write nothing inside: for the deploy gate, which lets things fail that nobody asked for."""
    token = _silent.set(True)
    try:
        yield
    finally:
        _silent.reset(token)


def bound_fields() -> dict[str, object]:
    """Return the fields that every line of this context carries."""
    return dict(_bound.get())


def configure_logging(settings: Settings, stream: TextIO | None = None) -> None:
    """Write lines to ``stream`` (stderr) in the format and from the level that ``settings`` name.

    Every secret of ``settings`` is blanked wherever it appears. Calling it again replaces what was configured.
    """
    import structlog

    out = stream if stream is not None else sys.stderr
    redactor = Redactor(_secrets_of(settings))
    level = getattr(logging, settings.log_level.value)
    pipeline = _pipeline(settings, redactor)
    structlog.configure(
        processors=[pipeline],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_WriterFactory(out),
        context_class=dict,
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    for handler in [one for one in root.handlers if isinstance(one, _Bridge)]:
        root.removeHandler(handler)
    root.addHandler(_Bridge(pipeline, out))
    root.setLevel(level)
    for name in _QUIET_LIBRARIES:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True
    _State.redactor, _State.structlog_ready = redactor, True


def sample_line(settings: Settings, event: str, msg: str = "", **values: object) -> str:
    """Return the line that a process of these settings would write, without writing it."""
    line = {"event": event, "msg": msg, **values}
    return _pipeline(settings, Redactor(_secrets_of(settings)))(None, "info", line)


def _pipeline(settings: Settings, redactor: Redactor) -> _Pipeline:
    constant = {
        "env": settings.environment.value, "release": settings.platform.release,
        "instance": settings.platform.instance,
    }  # fmt: skip
    return _Pipeline(redactor, {name: text for name, text in constant.items() if text}, settings.log_format)


def redactor() -> Redactor:
    """Return what cleans the lines of this process; it knows the secrets of the settings once these are read."""
    return _State.redactor


def report_failures_to(reporter: Reporter | None) -> None:
    """Let ``reporter`` hear of every line of level error that carries an exception; None lets nobody."""
    _State.report = staticmethod(_nobody if reporter is None else reporter)


def report_failure(error: BaseException, **values: object) -> None:
    """Tell the reporter of an error that no line is written for."""
    if not _silent.get():
        _State.report(error, {**_bound.get(), **values})


def reset_logging() -> None:
    """Undo ``configure_logging``: for tests that must not see each other's streams."""
    root = logging.getLogger()
    for handler in [one for one in root.handlers if isinstance(one, _Bridge)]:
        root.removeHandler(handler)
    _State.redactor, _State.structlog_ready = Redactor(), False
    report_failures_to(None)


class _Pipeline:
    """Turns the fields of an event into a line; the only processor structlog is given."""

    def __init__(self, redactor: Redactor, constant: Mapping[str, object], style: LogFormat) -> None:
        self._redactor = redactor
        self._constant = constant
        self._render = _as_json if style is LogFormat.JSON else _as_console

    def __call__(self, logger: object, method: str, line: Line) -> str:
        """Return the finished line. A field that breaks costs that line its fields, never the caller its work."""
        del logger
        try:
            return self._render(self._complete(method, line))
        except Exception as error:  # noqa: BLE001 - a log line must never break what it reports on
            bare = {
                "ts": _now(), "level": method, "event": "log.failed",
                "msg": f"A line could not be written: {type(error).__name__}",
            }  # fmt: skip
            return _as_json(bare)

    def _complete(self, method: str, line: Line) -> dict[str, object]:
        trouble = _exception(line.pop("exc_info", None))
        given = {**_bound.get(), **line}
        event = given.pop("event", "")
        msg = given.pop("msg", "")
        done: dict[str, object] = {
            "ts": _now(),
            "level": method,
            "event": self._redactor.text(str(event), cap=200),
            "msg": self._redactor.text(str(msg)),
        }
        done.update(self._redactor.fields({name: value for name, value in given.items() if name not in done}))
        done.update(self._constant)
        if trouble is not None:
            kind, error, trace = trouble
            done["exc_type"] = kind.__qualname__
            done["exc_msg"] = self._redactor.value(error)
            done[_TRACE] = self._redactor.tail("".join(traceback.format_exception(kind, error, trace)))
            if method in _REPORTED and str(event).partition(".")[0] not in _CARRIERS:
                _State.report(error, given)
        return done


class _Bridge(logging.Handler):
    """Writes the standard library's records as lines of ours: the logger's name is the event."""

    def __init__(self, pipeline: _Pipeline, stream: TextIO) -> None:
        super().__init__()
        self._pipeline = pipeline
        self._writer = _Writer(stream)

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record; a record that cannot be formatted is written as it is."""
        try:
            msg = record.getMessage()
        except Exception:  # noqa: BLE001 - wrong arguments in somebody else's log call
            msg = str(record.msg)
        line: Line = {"event": record.name, "msg": msg}
        if record.exc_info:
            line["exc_info"] = record.exc_info
        self._writer.msg(self._pipeline(None, record.levelname.lower(), line))


class _Writer:
    """Puts whole lines on a stream; a stream that is gone is no reason to stop selling."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def msg(self, line: str) -> None:
        """Write one line and flush it."""
        try:
            # One write for text and line end: lines of threads do not interleave.
            self._stream.write(line + "\n")
            self._stream.flush()
        except UnicodeEncodeError:
            self.msg(line.encode("ascii", "backslashreplace").decode("ascii"))
        except (OSError, ValueError):
            return

    debug = info = warning = error = critical = msg


class _WriterFactory:
    def __init__(self, stream: TextIO) -> None:
        self._writer = _Writer(stream)

    def __call__(self, *names: object) -> _Writer:
        """Return the one writer, whatever the logger's name."""
        del names
        return self._writer


def _write_plain(name: str, level: str, event: str, msg: str, values: dict[str, object]) -> None:
    """Hand an event to the standard library while nothing is configured: warnings reach stderr, the rest nobody."""
    values = dict(values)
    trouble = values.pop("exc_info", None)
    number = getattr(logging, level.upper())
    plain = logging.getLogger(name)
    if not plain.isEnabledFor(number):
        return
    shown = _State.redactor.fields({**_bound.get(), **values})
    text = " ".join([event, _State.redactor.text(msg), *(f"{key}={value}" for key, value in shown.items())])
    plain.log(number, "%s", printable(text.strip()), exc_info=bool(trouble) or None)


def _exception(given: object) -> ExcInfo | None:
    if isinstance(given, BaseException):
        return type(given), given, given.__traceback__
    if isinstance(given, tuple):
        kind, error, trace = given
        return (kind, error, trace) if error is not None else None
    if given:
        kind, error, trace = sys.exc_info()
        return (kind, error, trace) if kind is not None and error is not None else None
    return None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _as_json(line: Mapping[str, object]) -> str:
    ordered = {name: line[name] for name in _FIRST if name in line} | dict(line)
    return json.dumps(ordered, ensure_ascii=False, separators=(",", ":"), default=str, allow_nan=False)


def _as_console(line: Mapping[str, object]) -> str:
    """Return one line for eyes; a traceback follows indented, so that no text can pass for a line of its own."""
    rest = {name: value for name, value in line.items() if name not in {*_FIRST[:4], _TRACE}}
    pairs = " ".join(f"{name}={printable(_plain(value))}" for name, value in rest.items())
    head = f"{line['ts']} {str(line['level']).upper():<8} {printable(str(line['event']))} {printable(str(line['msg']))}"
    trace = "".join(f"\n    {printable(row)}" for row in str(line.get(_TRACE, "")).splitlines())
    return f"{head} {pairs}".rstrip() + trace


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _secrets_of(settings: Settings) -> list[Secret]:
    """Return every secret of the settings, and the database passwords inside their URLs."""
    found: list[Secret] = []
    for one in fields(settings):
        value = getattr(settings, one.name)
        found += [item for item in (value if isinstance(value, tuple) else (value,)) if isinstance(item, Secret)]
    for url in (settings.database_url, settings.migration_database_url):
        if url is not None:
            found.append(parse_database_url(url.reveal()).password)
    return found
