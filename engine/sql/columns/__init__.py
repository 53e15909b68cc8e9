"""The column gear: parts of plans over many rows, computed on Arrow arrays.

    rows  <--  Columnar  <--  limit  <--  sort  <--  group  <--  filter  <--  scan  <==  leaves of a tree
              (boundary)      [ batches: an Arrow array a column, 65,536 rows or all there are ]

choose.py    the last rule of the optimiser: wraps in `plan.Columnar` what touches many rows and has a column form
boundary.py  runs a wrapped part, and turns batches into rows; where the column gear finds that it has no form after all
             (types that only running tells, an integer beyond what a kernel holds), the part runs in the row gear
operators.py scan, filter, project, sort, limit, distinct, set operations
group.py, join.py, subquery.py
evaluate.py  expressions over a batch
arrow.py     pyarrow, imported when first needed; arrays from and to Python values

Both gears mean the same. What the kernels do otherwise is either said in their own terms (kernels.py: an integer that
overflows, a zero that divides, NaN, -0.0) or left to the row gear by raising `NoForm`. A kernel also raises where the row
gear would never have looked (a branch of CASE that is not taken); then, too, the part is run again in the row gear, which
knows best. So an error never comes from here.
"""
