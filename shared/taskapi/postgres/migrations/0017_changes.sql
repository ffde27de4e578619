-- no transaction
-- The tasks in the order of their last writes, for list_changes; trash_by_deletion has the
-- deletions in the same order.
DROP INDEX CONCURRENTLY IF EXISTS tasks_by_change;
CREATE INDEX CONCURRENTLY tasks_by_change ON tasks (user_id, change, id);
