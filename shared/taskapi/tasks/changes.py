"""The counter of each user's writes, which lists and their ETags depend on.

Each user has a row in `change_counters`. A statement that writes tasks calls
count_write() (migrations/0021_limits.sql), which increases the counter, and stores the
new number in `tasks.change`. It fails if the user writes too much.

The counter's row is the first lock that a statement takes, before it locks a task or a
key: count_write() is called in the part of the statement that finds the rows to write,
which comes before they are locked. So two statements of a user can't wait for each
other, and they commit in the order of their numbers. A statement that reads the counter
and tasks has both from one snapshot: if it sees a number, it sees every write up to
that number, and none after it.

An update, complete or delete that ends in a 404 or 412 by its snapshot doesn't count.
If that turns out later, because it had to wait, a number is missing, which harms
nothing. Nor does it harm that a create counts again when it is replayed.

A number is never used twice, even after a restore: it is at least the time in
microseconds.

Triggers number all other writes: those of the release before, which runs beside this
one during a deployment and again after a rollback, and those in psql. They don't fire
for statements that call count_write(), which tells them so by a setting that ends with
the transaction.
"""

COUNTER = """COALESCE((SELECT counter FROM change_counters
                      WHERE user_id = %(user_id)s), 0)"""
"""The SQL that selects the number of the user's last write; 0 if there is none."""
