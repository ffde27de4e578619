-- Deleted tasks, for 30 days. They have a table of their own, so that no other statement
-- and no index of tasks has to leave them out.
CREATE TABLE trash (
    user_id TEXT NOT NULL,
    id BIGINT NOT NULL,
    -- The number of the write that deleted the task, from its user's counter.
    deletion BIGINT NOT NULL,
    deleted_at TIMESTAMPTZ NOT NULL,
    -- The row of tasks as JSON, so that a new column of tasks is here too. NULL if the trash
    -- was emptied: the id stays for clients that haven't heard of the deletion.
    task JSONB,
    PRIMARY KEY (user_id, id)
);
-- For changes, and to find the oldest rows.
CREATE INDEX trash_by_deletion ON trash (user_id, deletion, id);
-- For the list of the trash.
CREATE INDEX trash_with_task ON trash (user_id, deletion, id) WHERE task IS NOT NULL;

-- The number that a deletion has at least if it is younger than this many days: numbers
-- are times in microseconds.
CREATE FUNCTION deletion_days_ago(days INTEGER) RETURNS BIGINT STABLE LANGUAGE sql
    RETURN (extract(epoch FROM now() - make_interval(days => days)) * 1000000)::BIGINT;

-- Delete the oldest rows of this user's trash, at most this many, if they are past the 30
-- days. They stay a day longer: a client that asks for the changes of 30 days may take a
-- while to read them.
--
-- A function's plans are kept, also one that was made while the table was empty. Then
-- Postgres would find a ctid by reading all rows of the user; it finds ids by the key.
CREATE FUNCTION purge_trash(owner TEXT, most BIGINT) RETURNS VOID
    VOLATILE LANGUAGE plpgsql
    AS $$
BEGIN
    DELETE FROM trash
     WHERE user_id = owner
       AND id = ANY (ARRAY(
               SELECT id FROM trash
                WHERE user_id = owner AND deletion < deletion_days_ago(31)
             ORDER BY deletion LIMIT most FOR UPDATE SKIP LOCKED));
END
$$;

-- The number of this transaction's last write for a user, who has one.
CREATE FUNCTION own_change(writer TEXT) RETURNS BIGINT VOLATILE LANGUAGE plpgsql
    AS $$
BEGIN
    IF current_setting('tasks.writer', TRUE) = writer THEN
        RETURN current_setting('tasks.change')::BIGINT;
    END IF;
    RETURN (SELECT counter FROM change_counters WHERE user_id = writer);
END
$$;

-- All deleted tasks go into the trash, also those that the release before or psql deletes. A
-- deletion takes two old rows out of the trash for each that it adds, so the trash can't
-- grow without end.
CREATE FUNCTION move_to_trash() RETURNS TRIGGER LANGUAGE plpgsql
    SET search_path FROM CURRENT
    AS $$
BEGIN
    INSERT INTO trash (user_id, id, deletion, deleted_at, task)
    SELECT user_id, id, own_change(user_id), now(), to_jsonb(deleted) FROM deleted;
    IF FOUND THEN
        PERFORM purge_trash(current_setting('tasks.writer'),
                            2 * (SELECT count(*) FROM deleted));
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER tasks_move_to_trash AFTER DELETE ON tasks
    REFERENCING OLD TABLE AS deleted FOR EACH STATEMENT
    WHEN (current_setting('tasks.erasing', TRUE) IS DISTINCT FROM 'on')
    EXECUTE FUNCTION move_to_trash();

-- As in 0009, and in psql: a task that is inserted with the id of one in the trash replaces
-- that one, and a task that moves to another user, or gets another id, is deleted where it
-- was.
CREATE OR REPLACE FUNCTION number_write() RETURNS TRIGGER LANGUAGE plpgsql
    SET search_path FROM CURRENT
    AS $$
DECLARE
    is_new BOOLEAN := FALSE;
BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM late_change(OLD.user_id);
        RETURN OLD;
    END IF;
    IF TG_OP = 'INSERT' THEN
        is_new := TRUE;
    ELSIF (OLD.user_id, OLD.id) <> (NEW.user_id, NEW.id) THEN
        is_new := TRUE;
        INSERT INTO trash (user_id, id, deletion, deleted_at)
        VALUES (OLD.user_id, OLD.id, late_change(OLD.user_id), now());
    END IF;
    NEW.change := late_change(NEW.user_id);
    IF is_new THEN
        DELETE FROM trash WHERE user_id = NEW.user_id AND id = NEW.id;
    END IF;
    IF NOT NEW.completed THEN
        NEW.completed_at := NULL;
    ELSIF TG_OP = 'INSERT' THEN
        NEW.completed_at := COALESCE(NEW.completed_at, NEW.updated_at);
    ELSIF NOT OLD.completed THEN
        NEW.completed_at := NEW.updated_at;
    ELSE
        NEW.completed_at := COALESCE(OLD.completed_at, OLD.updated_at);
    END IF;
    RETURN NEW;
END
$$;

-- Take a task out of the trash, if it has an accepted version; NULL accepts any. Return
-- the task as it is then, and whether its version was accepted; no row if there is none. A
-- task that isn't in the trash stays as it is.
--
-- A statement sees no row that another transaction inserts while it waits for it. Each
-- statement of this function sees what is committed when it begins: so of two that restore
-- one task, the second finds the task that the first has restored.
CREATE FUNCTION restore_task(owner TEXT, task_id BIGINT, accepted BIGINT[])
    RETURNS TABLE (found_task JSONB, is_accepted BOOLEAN) VOLATILE LANGUAGE plpgsql
    AS $$
DECLARE
    restored JSONB;
    columns TEXT;
BEGIN
    -- Nothing is counted if nothing can be restored. But the counter is the first lock,
    -- so what the trash has is known only after it.
    IF EXISTS (SELECT FROM trash
                WHERE user_id = owner AND id = task_id AND task IS NOT NULL
                  AND deletion >= deletion_days_ago(30)
                  AND COALESCE((task->>'version')::BIGINT = ANY (accepted), TRUE)) THEN
        PERFORM next_change(owner);
        DELETE FROM trash
         WHERE user_id = owner AND id = task_id AND task IS NOT NULL
           AND deletion >= deletion_days_ago(30)
           AND COALESCE((task->>'version')::BIGINT = ANY (accepted), TRUE)
     RETURNING task || jsonb_build_object(
                   'version', (task->>'version')::BIGINT + 1,
                   'change', current_setting('tasks.change')::BIGINT,
                   -- A row that an older release completed may have none; then it is
                   -- updated_at (0009).
                   'completed_at', CASE WHEN (task->>'completed')::BOOLEAN THEN
                       COALESCE(task->>'completed_at', task->>'updated_at') END,
                   'updated_at', GREATEST(now(), (task->>'updated_at')::TIMESTAMPTZ
                                                 + interval '1 microsecond'))
          INTO restored;
        IF FOUND THEN
            -- A column that was added since has its default, one that was dropped is gone.
            SELECT string_agg(quote_ident(attname), ', ') INTO columns
              FROM pg_attribute
             WHERE attrelid = 'tasks'::regclass AND attnum > 0 AND NOT attisdropped
               AND attgenerated = '' AND restored ? attname;
            EXECUTE format('INSERT INTO tasks (%1$s)
                            SELECT %1$s FROM jsonb_populate_record(NULL::tasks, $1)',
                           columns) USING restored;
            accepted := NULL;
        END IF;
    END IF;
    -- One query, so that a task is in one of both, whatever happens at the same time.
    RETURN QUERY SELECT json, COALESCE((json->>'version')::BIGINT = ANY (accepted), TRUE)
                   FROM (SELECT to_jsonb(tasks) FROM tasks
                          WHERE user_id = owner AND id = task_id
                          UNION ALL
                         SELECT task FROM trash
                          WHERE user_id = owner AND id = task_id AND task IS NOT NULL
                            AND deletion >= deletion_days_ago(30)) AS found (json);
END
$$;

-- Delete all that is stored for a user. Other writes of the user wait until it has ended.
CREATE FUNCTION erase_user(owner TEXT) RETURNS VOID VOLATILE LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM next_change(owner), set_config('tasks.erasing', 'on', TRUE);
    DELETE FROM tasks WHERE user_id = owner;
    DELETE FROM trash WHERE user_id = owner;
    DELETE FROM idempotency_keys WHERE user_id = owner;
    DELETE FROM change_counters WHERE user_id = owner;
    PERFORM set_config('tasks.erasing', '', TRUE);
END
$$;
