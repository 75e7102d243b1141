"""The running processes of a stack, found by a mark in their environment: also when their supervisor was killed."""

import os
from collections.abc import Iterable
from pathlib import Path

import psutil

MARK = "OO_STACK"
"""The environment variable that every process of a stack carries; its value is the stack's state folder."""


def find(state_dir: Path) -> set[psutil.Process]:
    """This person's running processes that carry the mark of the stack in `state_dir`, and their descendants."""
    marked = {process for process in psutil.process_iter() if _carries(process, str(state_dir))}
    return {each for process in marked for each in (process, *_descendants(process))} - {psutil.Process()}


def find_orphans(state_dir: Path, supervisor: int) -> set[psutil.Process]:
    """Those of them that the supervisor with this process id does not know any more."""
    known = psutil.Process(supervisor)
    return find(state_dir) - {known, *_descendants(known)}


def end(processes: Iterable[psutil.Process], *, grace: float) -> list[psutil.Process]:
    """Ask the processes to end, kill those that still run after `grace` seconds, and return those that resist that."""
    remaining = list(processes)
    for signal in (psutil.Process.terminate, psutil.Process.kill):
        for process in remaining:
            try:
                signal(process)
            except psutil.NoSuchProcess:
                continue
        _, remaining = psutil.wait_procs(remaining, timeout=grace)
    return remaining


def describe(process: psutil.Process) -> str:
    """The name and the id of a process, as messages show them."""
    try:
        return f"{process.name()} (pid {process.pid})"
    except psutil.Error:
        return f"pid {process.pid}"


def _carries(process: psutil.Process, mark: str) -> bool:
    try:
        return process.uids().real == os.getuid() and process.environ().get(MARK) == mark
    except psutil.Error:  # it ended meanwhile, or does not show its environment
        return False


def _descendants(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:  # it ended meanwhile
        return []
