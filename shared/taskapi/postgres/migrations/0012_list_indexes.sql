-- no transaction
-- The indexes of lists; docs/lists.md has what each is for, and what it costs. All begin
-- with the user.
DROP INDEX CONCURRENTLY IF EXISTS tasks_completed_by_creation;
CREATE INDEX CONCURRENTLY tasks_completed_by_creation
    ON tasks (user_id, created_at, id) WHERE completed;
DROP INDEX CONCURRENTLY IF EXISTS tasks_by_status_and_update;
CREATE INDEX CONCURRENTLY tasks_by_status_and_update
    ON tasks (user_id, completed, updated_at, id);
DROP INDEX CONCURRENTLY IF EXISTS tasks_pending_by_priority;
CREATE INDEX CONCURRENTLY tasks_pending_by_priority
    ON tasks (user_id, priority, created_at, id) WHERE NOT completed;
-- A day is 00:00 UTC, and no due date comes last.
DROP INDEX CONCURRENTLY IF EXISTS tasks_pending_by_due_date;
CREATE INDEX CONCURRENTLY tasks_pending_by_due_date
    ON tasks (user_id,
              COALESCE(due_at, due_on::timestamp AT TIME ZONE 'UTC', 'infinity'), id)
 WHERE NOT completed;
-- Postgres keeps no statistics of a partial index. With these, from the next ANALYZE on, it
-- knows how many tasks are due in a range.
DROP STATISTICS IF EXISTS tasks_due_dates;
CREATE STATISTICS tasks_due_dates
    ON (COALESCE(due_at, due_on::timestamp AT TIME ZONE 'UTC', 'infinity')) FROM tasks;
