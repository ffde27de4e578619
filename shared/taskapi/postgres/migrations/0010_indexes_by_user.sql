-- no transaction
-- Every unique key begins with the user, so that the tables can be partitioned by user.
DROP INDEX CONCURRENTLY IF EXISTS tasks_by_user_and_id;
CREATE UNIQUE INDEX CONCURRENTLY tasks_by_user_and_id ON tasks (user_id, id);
-- A create deletes expired keys of its own user. The index on created_at alone serves the
-- release before, and goes with the next one.
DROP INDEX CONCURRENTLY IF EXISTS idempotency_keys_by_user_and_age;
CREATE INDEX CONCURRENTLY idempotency_keys_by_user_and_age
    ON idempotency_keys (user_id, created_at);
