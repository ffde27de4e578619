-- Limits for each user, so that one can't occupy all of the pooler's connections, the
-- database's processors and its storage. 0 is no limit. To change one, replace its function
-- (docs/reliability.md): Postgres makes a constant of it.

-- Reads at once that may read all of the user's tasks: lists with a filter or without an
-- index, and summaries.
CREATE FUNCTION reads_at_once() RETURNS INTEGER IMMUTABLE LANGUAGE sql RETURN 1;
-- Writes at once: one that writes, and others that wait for it.
CREATE FUNCTION writes_at_once() RETURNS INTEGER IMMUTABLE LANGUAGE sql RETURN 4;
-- Writes in the long run, and how many more there may be for a time: at least the 101 of a
-- batch.
CREATE FUNCTION writes_per_day() RETURNS BIGINT IMMUTABLE LANGUAGE sql RETURN 200000;
CREATE FUNCTION extra_writes() RETURNS BIGINT IMMUTABLE LANGUAGE sql RETURN 20000;

-- When the user would have made all writes up to now at the rate of writes_per_day(), in
-- microseconds. It may be in the future by the time that extra_writes() take (this is the
-- generic cell rate algorithm, GCRA).
ALTER TABLE change_counters ADD COLUMN paced_until BIGINT NOT NULL DEFAULT 0;

-- As in 0007, for all reads that may read all tasks. The release before calls it for searches.
-- Here and below, the number of an advisory lock is a hash of the user and the turn, which is
-- negative for writes. It has 64 bits: with 32, users would share their turns.
CREATE OR REPLACE FUNCTION take_search_turn(user_id TEXT) RETURNS BOOLEAN
    VOLATILE PARALLEL UNSAFE LANGUAGE plpgsql
    AS $$
DECLARE
    most INTEGER := reads_at_once();
BEGIN
    FOR turn IN 1..most LOOP
        IF pg_try_advisory_xact_lock(hashtextextended(user_id, turn)) THEN
            RETURN TRUE;
        END IF;
    END LOOP;
    IF most < 1 THEN
        RETURN TRUE;
    END IF;
    RAISE 'another read of this user is running' USING ERRCODE = 'T0001';
END
$$;

-- Writes of a user wait for each other at the counter, and each that waits occupies one of
-- the pooler's connections. So a write first takes a turn, which ends with the transaction.
-- What is written in psql, or by the release before, takes none.
CREATE FUNCTION take_write_turn(writer TEXT) RETURNS BOOLEAN
    VOLATILE PARALLEL UNSAFE LANGUAGE plpgsql
    AS $$
DECLARE
    most INTEGER := writes_at_once();
BEGIN
    FOR turn IN 1..most LOOP
        IF pg_try_advisory_xact_lock(hashtextextended(writer, -turn)) THEN
            RETURN TRUE;
        END IF;
    END LOOP;
    IF most < 1 THEN
        RETURN TRUE;
    END IF;
    RAISE 'too many writes of this user are waiting' USING ERRCODE = 'T0003';
END
$$;

-- next_change() as in 0018, with a turn, and with the limit of writes per day. Each write
-- calls it, so it is made to be fast: it tries the first turn itself, has no PERFORM, which
-- takes longer than an assignment, and computes the time in floating point, which has all
-- digits of the microseconds.
--
-- No write leaves paced_until later than the limit. If it is later by an hour, the clock has
-- been set back, or another limit was in force: then it starts again, because the user could
-- have to wait for days.
CREATE FUNCTION count_write(writer TEXT) RETURNS BIGINT VOLATILE LANGUAGE plpgsql
    AS $$
DECLARE
    now_in_us BIGINT := date_part('epoch', clock_timestamp()) * 1000000;
    pace BIGINT := COALESCE(86400000000 / NULLIF(writes_per_day(), 0), 0);
    number BIGINT;
    paced BIGINT;
    setting TEXT;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtextextended(writer, -1)) THEN
        PERFORM take_write_turn(writer);
    END IF;
    UPDATE change_counters
       SET counter = GREATEST(counter + 1, now_in_us),
           paced_until = pace + CASE
               WHEN paced_until < now_in_us + pace * extra_writes() + 3600000000
               THEN GREATEST(paced_until, now_in_us) ELSE now_in_us END
     WHERE user_id = writer
 RETURNING counter, paced_until INTO number, paced;
    IF NOT FOUND THEN
        RETURN next_change(writer);
    ELSIF pace * extra_writes() > 0 AND paced > now_in_us + pace * extra_writes() THEN
        RAISE 'too many writes of this user in a day' USING ERRCODE = 'T0004';
    END IF;
    setting := set_config('tasks.change', number::TEXT, TRUE);
    setting := set_config('tasks.writer', writer, TRUE);
    setting := set_config('tasks.write', number::TEXT || writer, TRUE);
    RETURN number;
END
$$;
