"""Serving the API: uvicorn, its processes, and how they come to an end.

On SIGTERM readiness says 503 at once and liveness stays 200; a moment later no connection is taken any more, what runs
gets ``GRACEFUL_TIMEOUT_SECONDS`` to finish, then the pool is closed and the process leaves with 0.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import multiprocessing
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import uvicorn
from litestar import Litestar
from uvicorn.supervisors import Multiprocess

from primepos import bootstrap
from primepos.adapters.telemetry.processes import forget_process, shared_between_processes
from primepos.adapters.telemetry.starting import start_telemetry
from primepos.api.app import build_app
from primepos.api.body import MAX_HEAD_BYTES
from primepos.api.proxies import networks
from primepos.core.errors import BadConfiguration, Unavailable
from primepos.core.log import configure_logging, get_logger
from primepos.core.operations import App
from primepos.core.settings import RateLimitStore, Settings, load_settings

KEEP_ALIVE_S = 65
BACKLOG = 2048
WORKER_PAUSE_S = 5
# Loading the application on a busy machine takes longer than uvicorn's five seconds, after which it kills the process.
PROCESS_ANSWERS_S = 60

log = get_logger(__name__)


class PortTaken(Unavailable):
    """Something else listens there, or the address is not this machine's."""

    code = "PORT_TAKEN"
    template = "Cannot listen on {host}:{port}: {problem}"
    hint = "Choose another port with --port."


def serve(
    app: App,
    *,
    host: str,
    port: int,
    processes: int = 1,
    with_worker: bool = False,
    env_file: Path | None = None,
    announce: Callable[[str], None],
) -> None:
    """Serve until SIGTERM or Ctrl-C. ``announce`` hears the URL once the port is taken; port 0 takes a free one.

    Raises: :class:`PortTaken`, :class:`BadConfiguration` for counters in memory that several processes cannot share.
    """
    settings = app.settings
    if processes > 1 and settings.rate_limit_store is RateLimitStore.MEMORY:
        raise BadConfiguration("RATE_LIMIT_STORE=memory cannot be shared by several processes: set it to database")
    listener = _listen(host, port)
    with listener, _quiet_end(), _worker_beside(app if with_worker else None):
        announce(_url(host, listener))
        if processes > 1:
            config = uvicorn_config(partial(make_api, env_file), settings, factory=True, workers=processes)
            with shared_between_processes():
                _Processes(config, [listener]).run()
        else:
            api = build_app(app)
            _keep_what_is_loaded()
            uvicorn.Server(uvicorn_config(api, settings)).run([listener])
    app.database.dispose()


class _Processes(Multiprocess):
    """Keeps the processes alive, and hears at once when one dies that was asked whether it lives.

    uvicorn asks over a pipe whose far end it holds open itself, so a process killed while it starts would be waited
    for until the time for its answer is over, and nobody else started or stopped meanwhile.
    """

    def init_processes(self) -> None:
        """Start all."""
        super().init_processes()
        self._let_go()

    def keep_subprocess_alive(self) -> None:
        """Start those anew that have died."""
        before = {process.pid for process in self.processes}
        super().keep_subprocess_alive()
        self._let_go()
        for gone in before - {process.pid for process in self.processes}:
            forget_process(gone)

    def _let_go(self) -> None:
        for process in self.processes:
            process.child_conn.close()


def make_api(env_file: Path | None = None) -> Litestar:
    """Return the API of a process that was started for it, from the environment."""
    settings = load_settings(env_file=env_file, component="serve")
    configure_logging(settings)
    start_telemetry(settings)
    # The edge writes the line of each request; uvicorn switched its own off before our logging was set up here.
    logging.getLogger("uvicorn.access").propagate = False
    _protocol(settings)
    _leave_with_parent()
    api = build_app(bootstrap.build_app(settings))
    _keep_what_is_loaded()
    return api


def _keep_what_is_loaded() -> None:
    """Take what was loaded to serve out of the garbage collector's rounds.

    Requests that wait under load grow old enough to set off full collections, and each walks through the whole
    application: a tenth of a second in which nobody is answered.
    """
    gc.collect()
    gc.freeze()


def _leave_with_parent() -> None:
    """End this process in order once the one that started it is gone: nobody else would, and it holds the port."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def wait() -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="primepos-parent", daemon=True).start()


def _protocol(settings: Settings) -> type[asyncio.Protocol] | Literal["auto"]:
    """Return how HTTP is read: by httptools and within bounds, or by h11 on Windows, where there is no httptools."""
    if find_spec("httptools") is None:
        return "auto"
    from primepos.api.protocol import BoundedProtocol

    BoundedProtocol.speak_for(settings)
    return BoundedProtocol


def uvicorn_config(api: Any, settings: Settings, **more: Any) -> uvicorn.Config:
    """Return how uvicorn is to run: our log lines, no Server header, proxies only where they are named."""
    trusted = networks(settings.trusted_proxies)
    return uvicorn.Config(
        api,
        log_config=None,
        access_log=False,
        http=_protocol(settings),
        h11_max_incomplete_event_size=MAX_HEAD_BYTES,
        server_header=False,
        ws="none",
        lifespan="on",
        backlog=BACKLOG,
        proxy_headers=bool(trusted),
        forwarded_allow_ips=trusted,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=settings.graceful_timeout_seconds,
        timeout_worker_healthcheck=PROCESS_ANSWERS_S,
        **more,
    )


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise PortTaken(host=host, port=port, problem=error.strerror or str(error)) from error
    # Passed on to the processes that share it.
    listener.set_inheritable(True)
    return listener


def _url(host: str, listener: socket.socket) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{listener.getsockname()[1]}"


@contextmanager
def _quiet_end() -> Iterator[None]:
    """Let SIGTERM end as a normal exit: uvicorn raises it again once it has stopped, and the default would kill."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGTERM, lambda _number, _frame: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


@contextmanager
def _worker_beside(app: App | None) -> Iterator[None]:
    """Run the worker in a thread of this process while the block runs, for a machine too small for two."""
    if app is None:
        yield
        return
    beside = _Beside(app)
    beside.thread.start()
    try:
        yield
    finally:
        beside.stop()


class _Beside:
    """The worker in a thread with an event loop of its own."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._stopping = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self.thread = threading.Thread(target=self._run, name="primepos-worker", daemon=True)

    def stop(self) -> None:
        """End the worker: what runs may finish within the grace, nothing new begins."""
        self._stopping.set()
        if self._loop is not None and self._task is not None:
            self._loop.call_soon_threadsafe(self._task.cancel)
        self.thread.join(self._app.settings.graceful_timeout_seconds)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                asyncio.run(self._work())
            except asyncio.CancelledError:
                return
            except Exception:
                log.exception("worker.failed", msg="The worker stopped and is started again")
            self._stopping.wait(WORKER_PAUSE_S)

    async def _work(self) -> None:
        # By name: the worker stands beside this face, neither imports the other.
        work = import_module("primepos.worker").work
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        await work(self._app)
