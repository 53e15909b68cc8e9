"""`anokuro bench`: Anokuro beside LMDB, SQLite, LevelDB and RocksDB, on the same work, in one run.

    settings -> data -> workloads -> stores -> measure -> runner -> results -> report, picture, demands, readme
    (size)      (keys,   (what is     (one an   (one run) (rounds,   (JSON)     (who reads the numbers)
                values)   asked)      engine)             templates)

How a number comes about, and why it may be believed:

1. The operations of a workload are made beforehand from the seed; every engine gets the identical list.
2. Rounds are interleaved: engine A, B, C, then again, so what drifts on the machine hits all. A ratio of two engines is
   the median of the ratios of the rounds.
3. What an engine answers is hashed and compared with what a dict answers to the same operations, and so is the whole
   content after writing. A wrong answer ends the benchmark.
4. Latencies come from a pass of their own, so that reading the clock does not lower the rates.
5. A durability class says what a returned write survives: "durable" (power cut), "unsynced" (crash of the process),
   "none". One table holds one class. Reading has no class.
6. Each engine is used as somebody who knows it well would use it (see stores/); after loading, every engine may compact
   or checkpoint before reads are measured.

It sits above the public API of the engine and uses nothing else of it. It is a package of its own, not a part of the
shell, because it alone may import other engines; they are optional (`pip install 'anokuro[bench]'`), and one that is
missing is reported.
"""
