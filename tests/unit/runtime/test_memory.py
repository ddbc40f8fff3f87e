"""Threads share one arena; seen in a process of its own, as it holds for as long as that runs."""

import subprocess
import sys

_THREAD = """
import ctypes, sys, threading
from pathlib import Path
from orchestrator.runtime import memory
if sys.argv[1] == "one":
    memory.keep_one_arena()
found = []
thread = threading.Thread(target=lambda: found.append(bytearray(100_000)))
thread.start()
thread.join()
[line] = [one for one in Path("/proc/self/maps").read_text().splitlines() if "[heap]" in one]
begin, end = (int(one, 16) for one in line.split()[0].split("-"))
address = (ctypes.c_char * 1).from_buffer(found[0])
print(begin <= ctypes.addressof(address) < end)
"""


def test_what_a_thread_takes_is_of_the_one_arena() -> None:
    assert _is_in_the_heap("one")
    assert not _is_in_the_heap("many")


def _is_in_the_heap(arenas: str) -> bool:
    done = subprocess.run(
        [sys.executable, "-c", _THREAD, arenas], capture_output=True, text=True, check=True
    )
    return done.stdout.strip() == "True"
