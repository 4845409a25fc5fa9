"""The parent's side of a worker: start it, listen to it, and stop it when a budget is used up."""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil

__all__ = ["Session", "StoppedError"]


class StoppedError(Exception):
    """A worker was stopped; the message says why."""


class Session:
    """A worker process over a folder of rows and folds.

    Parameters
    ----------
    folder : Path
        What `worker.write_folder` wrote.
    memory : int
        Bytes a worker may hold.
    tick : called a few times a second while waiting
    """

    def __init__(self, folder: Path, memory: int, tick: Callable[[], None]) -> None:
        self.folder, self.memory, self.tick = folder, memory, tick
        self._process: subprocess.Popen[str] | None = None
        self._events: queue.Queue[dict[str, Any] | None] = queue.Queue()

    def start(self) -> None:
        """Start a worker unless one is there; it loads its libraries while the caller goes on."""
        if self._process is not None:
            return
        self._events = queue.Queue()
        with open(self.folder / "worker.log", "ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "dovetail.leaderboard.worker", str(self.folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,  # Ctrl-C is the parent's to handle
            )
        self._listener = threading.Thread(
            target=_listen, args=(self._process, self._events), daemon=True
        )
        self._listener.start()

    def ask(self, request: dict[str, Any], *, deadline: float) -> Iterator[dict[str, Any]]:
        """Send a request; yields its events up to the one that ends it.

        Raises
        ------
        StoppedError
            The deadline (of time.monotonic) or the memory limit was passed, or the process died.
            The worker is gone then.
        """
        self.start()
        process = self._process
        assert process is not None
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
        except BrokenPipeError:
            self._died()
        watched = psutil.Process(process.pid)
        while True:
            try:
                event = self._events.get(timeout=0.1)
            except queue.Empty:
                self._check(watched, deadline)
                self.tick()
                continue
            if event is None:
                self._died()
                return
            yield event
            if event["event"] in ("done", "failed", "refitted"):
                return

    def _check(self, watched: psutil.Process, deadline: float) -> None:
        if time.monotonic() > deadline:
            self.stop()
            raise StoppedError("time budget")
        with contextlib.suppress(psutil.NoSuchProcess):
            if watched.memory_info().rss > self.memory:
                self.stop()
                raise StoppedError("memory budget")

    def _died(self) -> None:
        code = self._process.wait() if self._process else None
        self.stop()
        # a process that the system ends for want of memory gets signal 9
        last = self.log_tail(1).strip()
        why = f"its process ended with code {code}" + (f" ({last})" if last else "")
        raise StoppedError("out of memory" if code == -9 else why)

    def stop(self) -> None:
        """End the worker, whatever it is doing."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        self._listener.join()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()

    def log_tail(self, lines: int = 5) -> str:
        """The last lines that the worker wrote to standard error."""
        path = self.folder / "worker.log"
        return (
            "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
            if path.exists()
            else ""
        )


def _listen(process: subprocess.Popen[str], events: queue.Queue[dict[str, Any] | None]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        event = json.loads(line)
        if event["event"] != "ready":
            events.put(event)
    events.put(None)
