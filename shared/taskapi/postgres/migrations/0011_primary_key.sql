-- contracts: every statement names the user beside the id since release 1
-- The primary key becomes (user_id, id): 0010 has built its index. This reads no rows.
ALTER TABLE tasks
    -- squawk-ignore ban-drop-constraint
    DROP CONSTRAINT tasks_pkey,
    ADD CONSTRAINT tasks_pkey PRIMARY KEY USING INDEX tasks_by_user_and_id;
