-- The number with which a user's counter began; 0 in the rows from before. After
-- erase_user() a counter begins anew, and a token from before must not be continued.
ALTER TABLE change_counters ADD COLUMN beginning BIGINT NOT NULL DEFAULT 0;

-- As in 0009. A new counter takes the time when it has its row, for which it may have
-- waited while others counted and erase_user() ended: so it begins after all numbers from
-- before.
CREATE OR REPLACE FUNCTION next_change(writer TEXT) RETURNS BIGINT VOLATILE LANGUAGE plpgsql
    AS $$
DECLARE
    now_in_us BIGINT := extract(epoch FROM clock_timestamp()) * 1000000;
    number BIGINT;
BEGIN
    UPDATE change_counters SET counter = GREATEST(counter + 1, now_in_us)
     WHERE user_id = writer
 RETURNING counter INTO number;
    IF NOT FOUND THEN
        INSERT INTO change_counters AS own (user_id, counter) VALUES (writer, 0)
            ON CONFLICT (user_id) DO UPDATE SET counter = own.counter;
        now_in_us := extract(epoch FROM clock_timestamp()) * 1000000;
        UPDATE change_counters
           SET counter = GREATEST(counter + 1, now_in_us),
               beginning = CASE counter WHEN 0 THEN now_in_us ELSE beginning END
         WHERE user_id = writer
     RETURNING counter INTO number;
    END IF;
    -- The triggers read these two, which end with the transaction.
    PERFORM set_config('tasks.change', number::TEXT, TRUE);
    PERFORM set_config('tasks.writer', writer, TRUE);
    RETURN number;
END
$$;

-- What tells this database from all others, and from what it was before it was restored.
-- Neon restores a branch as a new timeline, a file of pg_dump goes into a new database, and
-- Postgres begins a timeline when it has recovered to a point in time, or when a standby
-- takes over: its checkpoint names the new one minutes later, until then the end of its
-- recovery does. After a copy of a disk was put back, the operator replaces the key
-- (docs/operations.md). All but the key stay as they are while a connection lasts, and take
-- long to read, so a setting of the connection keeps them.
CREATE FUNCTION database_identity(signing_key BYTEA) RETURNS BYTEA STABLE LANGUAGE plpgsql
    AS $$
DECLARE
    place TEXT := current_setting('tasks.database', TRUE);
BEGIN
    IF COALESCE(place, '') = '' THEN
        place := set_config('tasks.database', concat_ws(' ',
            (SELECT system_identifier FROM pg_control_system()),
            (SELECT GREATEST(timeline_id, min_recovery_end_timeline)
               FROM pg_control_checkpoint(), pg_control_recovery()),
            (SELECT oid FROM pg_database WHERE datname = current_database()),
            current_setting('neon.timeline_id', TRUE)), FALSE);
    END IF;
    RETURN substr(sha256(signing_key || convert_to(place, 'UTF8')), 1, 8);
END
$$;
