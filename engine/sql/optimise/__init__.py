"""The optimiser: an ordered list of rules, each in a file of its own, each a function from plan to plan.

push_filters     conditions to where their columns come from; outer joins that cannot stay outer become inner
order_joins      inner joins in a cheap order, their equalities as hash keys
access_paths     keys and indexes instead of whole tables; lookups instead of hash joins
hash_correlated  in subqueries, a hash table made once instead of a scan for each outer row
drop_sorts       no sort where rows come in the order of a key
prune_columns    no column that nobody needs
count_rows       count(*) of a table without its rows
keep_repeated    in subqueries, what does not depend on the outer row is computed once
choose_gear      what touches many rows is computed in columns (engine.sql.columns)
"""

from __future__ import annotations

from collections.abc import Callable

from engine.sql.columns.choose import choose_gear
from engine.sql.optimise.access_paths import access_paths
from engine.sql.optimise.count_rows import count_rows
from engine.sql.optimise.drop_sorts import drop_sorts
from engine.sql.optimise.estimates import Estimates
from engine.sql.optimise.hash_correlated import hash_correlated
from engine.sql.optimise.keep_repeated import keep_repeated
from engine.sql.optimise.order_joins import order_joins
from engine.sql.optimise.prune_columns import prune_columns
from engine.sql.optimise.push_filters import push_filters
from engine.sql.plan import Plan

RULES: list[Callable[[Plan, Estimates], Plan]] = [
    push_filters,
    order_joins,
    access_paths,
    hash_correlated,
    drop_sorts,
    prune_columns,
    count_rows,
    keep_repeated,
    choose_gear,
]


def optimise(plan: Plan, estimates: Estimates) -> Plan:
    """The plan after all rules."""
    estimates.learn(plan)
    for rule in RULES:
        plan = rule(plan, estimates)
    return plan


__all__ = ["RULES", "Estimates", "optimise"]
