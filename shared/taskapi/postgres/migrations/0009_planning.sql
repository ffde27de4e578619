-- What people plan with: priority, tags, a due date, and when a task was completed.
CREATE TYPE task_priority AS ENUM ('low', 'medium', 'high', 'urgent');

-- The number of each user's last write (tasks/changes.py explains it). The table is
-- updated with every write, so its pages have room for the row's next versions.
CREATE TABLE change_counters (
    user_id TEXT PRIMARY KEY,
    counter BIGINT NOT NULL
) WITH (fillfactor = 50);

-- Count a write of this user, keep all others of this user waiting until it is committed,
-- and return its number. The number is also the time in microseconds, so that it
-- increases even after an old backup was restored or the user's row was deleted.
CREATE FUNCTION next_change(writer TEXT) RETURNS BIGINT VOLATILE LANGUAGE plpgsql
    AS $$
DECLARE
    now_in_us BIGINT := extract(epoch FROM clock_timestamp()) * 1000000;
    number BIGINT;
BEGIN
    UPDATE change_counters SET counter = GREATEST(counter + 1, now_in_us)
     WHERE user_id = writer
 RETURNING counter INTO number;
    IF NOT FOUND THEN
        INSERT INTO change_counters AS own (user_id, counter) VALUES (writer, now_in_us)
            ON CONFLICT (user_id) DO UPDATE
           SET counter = GREATEST(own.counter + 1, now_in_us)
     RETURNING counter INTO number;
    END IF;
    -- The triggers read these two, which end with the transaction.
    PERFORM set_config('tasks.change', number::TEXT, TRUE);
    PERFORM set_config('tasks.writer', writer, TRUE);
    RETURN number;
END
$$;

-- Delete up to two of this user's expired keys, but not the one that is used. A function's
-- plans are kept, and to plan this takes longer than to run it.
CREATE FUNCTION delete_expired_keys(owner TEXT, used_key TEXT) RETURNS VOID
    VOLATILE LANGUAGE plpgsql
    AS $$
BEGIN
    DELETE FROM idempotency_keys
     WHERE user_id = owner
       AND key = ANY (ARRAY(
               SELECT key FROM idempotency_keys
                WHERE user_id = owner AND key <> used_key
                  AND created_at < now() - interval '24 hours'
             ORDER BY created_at LIMIT 2 FOR UPDATE SKIP LOCKED));
END
$$;

-- next_change() for a write that doesn't count itself. It already has its row's lock, and
-- other statements take the counter first. If each waited for the other, Postgres would
-- end one of them after a second. So this one gives up earlier, with a SQLSTATE after
-- which the functions send their statement again. A transaction that writes many rows
-- counts once for each user: the settings have the user that it counted last, and xmin
-- says whether it wrote the counter of another. (In a savepoint it can't say that.)
CREATE FUNCTION late_change(writer TEXT) RETURNS BIGINT VOLATILE LANGUAGE plpgsql
    AS $$
DECLARE
    deadline TIMESTAMPTZ := clock_timestamp() + interval '200 ms';
    number BIGINT;
BEGIN
    IF current_setting('tasks.writer', TRUE) = writer THEN
        RETURN current_setting('tasks.change')::BIGINT;
    END IF;
    LOOP
        SELECT CASE WHEN xmin = pg_current_xact_id()::xid THEN counter END
          INTO number
          FROM change_counters
         WHERE user_id = writer
           FOR UPDATE SKIP LOCKED;
        IF FOUND OR NOT EXISTS (SELECT FROM change_counters WHERE user_id = writer) THEN
            RETURN COALESCE(number, next_change(writer));
        ELSIF clock_timestamp() > deadline THEN
            RAISE 'another statement of this user is writing' USING ERRCODE = '40001';
        END IF;
        PERFORM pg_sleep(0.005);
    END LOOP;
END
$$;

-- For the release before, which knows neither the counter nor completed_at and runs
-- beside this one during a deployment and again after a rollback; and for psql. It has
-- the search_path of this migration, because what pg_dump writes sets an empty one.
CREATE FUNCTION number_write() RETURNS TRIGGER LANGUAGE plpgsql
    SET search_path FROM CURRENT
    AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM late_change(OLD.user_id);
        RETURN OLD;
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.user_id <> NEW.user_id THEN
        PERFORM late_change(OLD.user_id);
    END IF;
    NEW.change := late_change(NEW.user_id);
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

-- The names of time zones. Postgres has a view of them, but to read it takes 50 ms,
-- because it opens all files of the time zone database.
CREATE TABLE time_zones (name TEXT PRIMARY KEY);
INSERT INTO time_zones
SELECT name FROM pg_timezone_names
 WHERE name !~ '^(posix|right)/' AND name NOT IN ('localtime', 'posixrules', 'Factory');

-- Return the name of a time zone, if it is one, or NULL. (Postgres would also accept
-- 'FOO+3' and 'cest'.) A name may be newer than the table, because the time zone database
-- was updated; AT TIME ZONE then knows it. A name without digits can't be a POSIX
-- description of a zone.
-- T0002 is a value that isn't valid: COLUMN is the field, CONSTRAINT says what is wrong.
CREATE FUNCTION known_time_zone(zone TEXT) RETURNS TEXT STABLE STRICT LANGUAGE plpgsql
    AS $$
BEGIN
    IF EXISTS (SELECT FROM time_zones WHERE name = zone) THEN
        RETURN zone;
    END IF;
    IF zone ~ '^[A-Z][A-Za-z_]*/[A-Za-z_/-]+$' AND zone !~* '^(posix|right)/'
      AND NOT EXISTS (SELECT FROM time_zones WHERE lower(name) = lower(zone)) THEN
        BEGIN
            PERFORM now() AT TIME ZONE zone;
            IF EXISTS (SELECT FROM pg_timezone_names WHERE name = zone) THEN
                RETURN zone;
            END IF;
        EXCEPTION WHEN invalid_parameter_value THEN
        END;
    END IF;
    RAISE 'no such time zone'
        USING ERRCODE = 'T0002', COLUMN = 'time_zone', CONSTRAINT = 'unknown';
END
$$;

-- Return the moment at which clocks in the zone show this time (RFC 5545, 3.3.5). If they
-- skip it, it has the UTC offset from before, as Postgres has it. If they show it twice,
-- it is the first time, where Postgres would take the second: then the offset of a day
-- earlier leads to a moment that is earlier and that clocks show as the same time.
CREATE FUNCTION local_moment(local_time TIMESTAMP, zone TEXT) RETURNS TIMESTAMPTZ
    STABLE LANGUAGE SQL
    AS $$
    SELECT CASE WHEN first < last AND first AT TIME ZONE zone = local_time
                THEN first ELSE last END
      FROM (SELECT local_time AT TIME ZONE zone AS last) AS a,
           LATERAL (SELECT last - interval '24 hours' AS day_before) AS b,
           LATERAL (SELECT (local_time - (day_before AT TIME ZONE zone
                                          - day_before AT TIME ZONE 'UTC'))
                           AT TIME ZONE 'UTC' AS first) AS c
$$;

-- Return the moment at which a task is due, NULL if it is due on a day or never. due is a
-- day, an instant in UTC that ends in Z, or a time in the zone.
CREATE FUNCTION due_moment(due TEXT, zone TEXT) RETURNS TIMESTAMPTZ
    STABLE LANGUAGE plpgsql
    AS $$
DECLARE
    moment TIMESTAMPTZ;
BEGIN
    IF due IS NULL OR length(due) = 10 THEN
        RETURN NULL;
    ELSIF due LIKE '%Z' THEN
        RETURN due::TIMESTAMPTZ;
    ELSIF zone IS NULL THEN
        RAISE 'a time without an offset needs a time zone'
            USING ERRCODE = 'T0002', COLUMN = 'due_date', CONSTRAINT = 'time_zone';
    END IF;
    moment := local_moment(due::TIMESTAMP, known_time_zone(zone));
    IF extract(year FROM moment AT TIME ZONE 'UTC') NOT BETWEEN 1970 AND 9999 THEN
        RAISE 'the time in UTC is out of range'
            USING ERRCODE = 'T0002', COLUMN = 'due_date', CONSTRAINT = 'range';
    END IF;
    RETURN moment;
END
$$;

-- These come last, because they lock the table until the end of the file. What comes before
-- takes 50 ms, most of it to read the time zones.
ALTER TABLE tasks
    ADD COLUMN priority task_priority NOT NULL DEFAULT 'medium',
    ADD COLUMN tags TEXT[] NOT NULL DEFAULT '{}',
    -- At most one of these two is set: a day stays a day, whatever the time zone.
    ADD COLUMN due_on DATE,
    ADD COLUMN due_at TIMESTAMPTZ,
    ADD COLUMN time_zone TEXT,
    -- In rows that the release before completed it may be NULL: then it is updated_at.
    ADD COLUMN completed_at TIMESTAMPTZ,
    -- The number of the last write to this row, from its user's counter.
    ADD COLUMN change BIGINT NOT NULL DEFAULT 0;

CREATE TRIGGER tasks_number_write BEFORE INSERT OR UPDATE ON tasks FOR EACH ROW
    WHEN (current_setting('tasks.change', TRUE) IS DISTINCT FROM NEW.change::TEXT
          OR current_setting('tasks.writer', TRUE) IS DISTINCT FROM NEW.user_id)
    EXECUTE FUNCTION number_write();
CREATE TRIGGER tasks_number_delete BEFORE DELETE ON tasks FOR EACH ROW
    WHEN (current_setting('tasks.writer', TRUE) IS DISTINCT FROM OLD.user_id)
    EXECUTE FUNCTION number_write();
