"""The counter of each user's writes, which lists and their ETags depend on.

Each user has a row in `change_counters`. A statement that writes tasks calls
next_change() (migrations/0009_planning.sql), which increases the counter, and stores the
new number in `tasks.change`.

The counter's row is the first lock that a statement takes, before it locks tasks or keys:
it reads the number from a CTE that is evaluated before the rows are written. So two
statements of a user can't wait for each other, and numbers are committed in their order.
A statement that reads the counter and tasks has both from one snapshot: if it sees a
number, it sees every write up to that number, and none after it.

A statement whose snapshot says that it will write nothing (404, 412, a replay) doesn't
count. A statement that has to wait may find out later; then a number is missing, which
harms nothing.

A number is never used twice, even after a restore: it is at least the time in
microseconds.

Triggers number all other writes: those of the release before, which runs beside this one
during a deployment and again after a rollback, and those in psql. They don't fire for
statements that call next_change(), which tells them so by a setting of the transaction.
"""
