"""The SQLite store: durable, ordered, shared commits; a sentence when the file cannot be used."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.runtime.machine import Save
from orchestrator.runtime.store import MemoryStore, SqliteStore, Store, StoreError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


async def _reopened(path: Path) -> dict[str, bytes]:
    store = SqliteStore.open(path)
    try:
        return await store.load("")
    finally:
        await store.close()


@pytest.fixture(params=["sqlite", "memory"])
def store(request: pytest.FixtureRequest, path: Path) -> Store:
    return SqliteStore.open(path) if request.param == "sqlite" else MemoryStore()


async def test_loads_what_was_saved_under_a_prefix(store: Store) -> None:
    saves = [Save("agents/b", b"2"), Save("agents/a", b"1"), Save("frameworks/a", b"3")]
    await store.commit(saves)
    assert list((await store.load("agents/")).items()) == [("agents/a", b"1"), ("agents/b", b"2")]
    await store.close()


async def test_the_last_save_of_a_key_wins(store: Store) -> None:
    await store.commit([Save("a", b"1"), Save("a", None), Save("b", None), Save("b", b"2")])
    assert await store.load("") == {"b": b"2"}
    await store.close()


async def test_a_prefix_is_text_and_no_pattern(store: Store) -> None:
    await store.commit([Save("a%/x", b"1"), Save("ab/x", b"2"), Save("a_\U0010fffd", b"3")])
    assert await store.load("a%") == {"a%/x": b"1"}
    assert await store.load("a_") == {"a_\U0010fffd": b"3"}
    await store.close()


async def test_what_was_committed_is_there_after_reopening(path: Path) -> None:
    store = SqliteStore.open(path)
    await store.commit([Save("a", b"1"), Save("gone", b"x")])
    await store.commit([Save("gone", None)])
    await store.close()
    assert await _reopened(path) == {"a": b"1"}


async def test_concurrent_commits_take_effect_in_the_order_of_the_calls(path: Path) -> None:
    store = SqliteStore.open(path)
    await asyncio.gather(*(store.commit([Save("a", b"%d" % n)]) for n in range(200)))
    assert await store.load("") == {"a": b"199"}
    await store.close()


async def test_commits_asked_for_together_share_few_transactions(path: Path) -> None:
    store = SqliteStore.open(path)
    statements: list[str] = []
    store._connection.set_trace_callback(statements.append)
    await asyncio.gather(*(store.commit([Save(f"a/{n}", b"")]) for n in range(200)))
    await store.close()
    assert sum(statement == "COMMIT" for statement in statements) < 50


async def test_a_load_sees_the_commits_asked_for_before_it(path: Path) -> None:
    store = SqliteStore.open(path)
    commit = asyncio.ensure_future(store.commit([Save("a", b"1")]))
    await asyncio.sleep(0)  # the commit is asked for, not yet done
    assert await store.load("") == {"a": b"1"}
    await commit
    await store.close()


async def test_closing_finishes_the_commits_asked_for_before(path: Path) -> None:
    store = SqliteStore.open(path)
    commit = asyncio.ensure_future(store.commit([Save("a", b"1")]))
    await asyncio.sleep(0)
    await store.close()
    await commit
    assert await _reopened(path) == {"a": b"1"}


async def test_a_cancelled_commit_disturbs_nobody(path: Path) -> None:
    store = SqliteStore.open(path)
    cancelled = asyncio.ensure_future(store.commit([Save("a", b"1")]))
    await asyncio.sleep(0)
    cancelled.cancel()
    await store.commit([Save("b", b"2")])
    assert (await store.load(""))["b"] == b"2"
    await store.close()


async def test_using_a_closed_store_is_refused(path: Path) -> None:
    store = SqliteStore.open(path)
    await store.close()
    await store.close()
    with pytest.raises(StoreError, match="is closed"):
        await store.commit([Save("a", b"1")])


async def test_a_second_store_on_the_file_is_refused(path: Path) -> None:
    store = SqliteStore.open(path)
    with pytest.raises(StoreError, match="in use by another process"):
        SqliteStore.open(path)
    await store.close()


async def test_a_second_process_on_the_file_is_refused(path: Path) -> None:
    store = SqliteStore.open(path)
    program = (
        "import sys; from pathlib import Path; from orchestrator.runtime.store import SqliteStore\n"
        "SqliteStore.open(Path(sys.argv[1]))"
    )
    other = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, path, stderr=subprocess.PIPE
    )
    _, stderr = await other.communicate()
    assert b"in use by another process" in stderr
    await store.close()


def test_a_directory_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"cannot open the state file .*nowhere/state\.db"):
        SqliteStore.open(tmp_path / "nowhere" / "state.db")


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    path.write_bytes(b"something else entirely, long enough to be looked at" * 10)
    with pytest.raises(StoreError, match="not a database"):
        SqliteStore.open(path)


async def test_a_failed_commit_says_why_and_changes_nothing(path: Path) -> None:
    store = SqliteStore.open(path)
    await store.commit([Save("a", b"1")])
    store._connection.execute("PRAGMA query_only = ON")  # as if the disk refused
    with pytest.raises(StoreError, match="cannot write the state file"):
        await store.commit([Save("a", b"2")])
    assert await store.load("") == {"a": b"1"}
    await store.close()
