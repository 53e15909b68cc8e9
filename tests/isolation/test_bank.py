"""Money moves between accounts while others count it: every sum that a reader sees is the same."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

import pytest

import engine
from tests.conftest import CHECKED_BUILD, OpenDatabase

ACCOUNTS = 24
BALANCE = 100
TRANSFERS = 40 if CHECKED_BUILD else 150
TREE = "accounts"


def key(number: int) -> bytes:
    return b"%04d" % number


def transfer(db: engine.Database, rng: random.Random, isolation: str) -> None:
    """Move some money; an account that is emptied is deleted, one that gets money comes back."""
    source, target = rng.sample(range(ACCOUNTS), 2)
    while True:
        try:
            with db.begin(isolation=isolation) as txn:
                tree = txn.tree(TREE)
                has = int(tree.get(key(source), b"0"))
                amount = has if rng.random() < 0.2 else rng.randint(0, has)
                if amount == has:
                    tree.delete(key(source))
                else:
                    tree.put(key(source), b"%d" % (has - amount))
                if amount:
                    tree.put(key(target), b"%d" % (int(tree.get(key(target), b"0")) + amount))
            return
        except engine.ConflictError:
            continue


def sum_of_transaction(db: engine.Database, rng: random.Random) -> int:
    with db.begin(readonly=True) as txn:
        return sum(int(value) for _, value in txn.tree(TREE).scan(reverse=rng.random() < 0.5))


def sum_of_scan(db: engine.Database, rng: random.Random) -> int:
    return sum(int(value) for _, value in db.tree(TREE).scan(reverse=rng.random() < 0.5))


def sum_of_keys(db: engine.Database, rng: random.Random) -> int:
    keys = [key(i) for i in range(ACCOUNTS)]
    rng.shuffle(keys)
    return sum(int(value or 0) for value in db.tree(TREE).get_many(keys))


READERS: tuple[Callable[[engine.Database, random.Random], int], ...] = (sum_of_transaction, sum_of_scan, sum_of_keys)


@pytest.mark.parametrize("isolation", ["serializable", "snapshot"])
def test_sums_stay_the_same(open_db: OpenDatabase, isolation: str) -> None:
    seed = random.randrange(1 << 32)
    print("seed", seed)
    # the padding spreads the accounts over several pages
    db = open_db(page_size=4096, pool_bytes=1 << 20, checkpoint_bytes=64 << 10, segment_size=64 << 10)
    db.tree(TREE).put_many((key(i), b"%d" % BALANCE) for i in range(ACCOUNTS))
    db.tree(TREE).put_many((b"%04d-pad" % i, b"0" * 700) for i in range(ACCOUNTS))
    wrong: list[str] = []
    errors: list[BaseException] = []
    moving = threading.Event()
    moving.set()
    looks = [0] * len(READERS)

    def guarded(work: Callable[[random.Random], None], number: int) -> None:
        try:
            work(random.Random(f"{seed} {number}"))
        except BaseException as error:
            errors.append(error)

    def move(rng: random.Random) -> None:
        for _ in range(TRANSFERS):
            transfer(db, rng, isolation)

    def look(number: int) -> Callable[[random.Random], None]:
        def work(rng: random.Random) -> None:
            while moving.is_set() or looks[number] == 0:
                total = READERS[number](db, rng)
                looks[number] += 1
                if total != ACCOUNTS * BALANCE:
                    wrong.append(f"{READERS[number].__name__}: {total}")

        return work

    movers = [threading.Thread(target=guarded, args=(move, i)) for i in range(3)]
    lookers = [threading.Thread(target=guarded, args=(look(i), 10 + i)) for i in range(len(READERS))]
    for thread in movers + lookers:
        thread.start()
    for thread in movers:
        thread.join()
    moving.clear()
    for thread in lookers:
        thread.join()
    assert errors == [] and wrong == []
    assert min(looks) > 0
    assert sum_of_scan(db, random.Random(0)) == ACCOUNTS * BALANCE


def test_sql_sums_stay_the_same(open_db: OpenDatabase) -> None:
    """The same by SQL: transfers in transactions, sums by a statement."""
    seed = random.randrange(1 << 32)
    print("seed", seed)
    db = open_db()
    db.execute("create table accounts (id integer primary key, balance integer)")
    db.executemany("insert into accounts values (?, ?)", [(i, BALANCE) for i in range(ACCOUNTS)])
    errors: list[BaseException] = []
    sums: list[int] = []
    moving = threading.Event()
    moving.set()

    def move(number: int) -> None:
        rng = random.Random(f"{seed} {number}")
        try:
            for _ in range(TRANSFERS // 3):
                source, target = rng.sample(range(ACCOUNTS), 2)
                while True:
                    try:
                        with db.begin() as txn:
                            txn.execute("update accounts set balance = balance - 1 where id = ?", (source,))
                            txn.execute("update accounts set balance = balance + 1 where id = ?", (target,))
                        break
                    except engine.ConflictError:
                        continue
        except BaseException as error:
            errors.append(error)

    def look() -> None:
        try:
            while moving.is_set() or not sums:
                sums.append(db.execute("select sum(balance) from accounts").fetchone()[0])
        except BaseException as error:
            errors.append(error)

    movers = [threading.Thread(target=move, args=(i,)) for i in range(3)]
    looker = threading.Thread(target=look)
    for thread in [*movers, looker]:
        thread.start()
    for thread in movers:
        thread.join()
    moving.clear()
    looker.join()
    assert errors == [] and set(sums) == {ACCOUNTS * BALANCE}
