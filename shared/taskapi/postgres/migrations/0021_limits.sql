-- So that one user can't occupy all of the pooler's connections and the database's
-- processors, a user has so many reads at once that may read all of the user's tasks (lists
-- without an index, searches, summaries), and so many writes at once: one that writes, and
-- others that wait for it. 0: any number. To change a limit, replace its function
-- (docs/reliability.md).
CREATE FUNCTION reads_at_once() RETURNS INTEGER IMMUTABLE LANGUAGE sql RETURN 1;
CREATE FUNCTION writes_at_once() RETURNS INTEGER IMMUTABLE LANGUAGE sql RETURN 4;

-- As in 0007, for all reads that may read all tasks. The release before calls it for searches.
-- Here and below, the two numbers of an advisory lock are that of the turn, which is negative
-- for writes, and the user's.
CREATE OR REPLACE FUNCTION take_search_turn(user_id TEXT) RETURNS BOOLEAN
    VOLATILE PARALLEL UNSAFE LANGUAGE plpgsql
    AS $$
DECLARE
    most INTEGER := reads_at_once();
BEGIN
    FOR turn IN 1..most LOOP
        IF pg_try_advisory_xact_lock(turn, hashtext(user_id)) THEN
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
        IF pg_try_advisory_xact_lock(-turn, hashtext(writer)) THEN
            RETURN TRUE;
        END IF;
    END LOOP;
    IF most < 1 THEN
        RETURN TRUE;
    END IF;
    RAISE 'too many writes of this user are waiting' USING ERRCODE = 'T0003';
END
$$;

-- next_change() as in 0018, with a turn. Each write calls it, so it is made to be fast: it
-- tries the first turn itself, and has no PERFORM, which takes longer than an assignment.
CREATE FUNCTION count_write(writer TEXT) RETURNS BIGINT VOLATILE LANGUAGE plpgsql
    AS $$
DECLARE
    now_in_us BIGINT := extract(epoch FROM clock_timestamp()) * 1000000;
    number BIGINT;
    setting TEXT;
BEGIN
    IF NOT pg_try_advisory_xact_lock(-1, hashtext(writer)) THEN
        PERFORM take_write_turn(writer);
    END IF;
    UPDATE change_counters SET counter = GREATEST(counter + 1, now_in_us)
     WHERE user_id = writer
 RETURNING counter INTO number;
    IF NOT FOUND THEN
        RETURN next_change(writer);
    END IF;
    setting := set_config('tasks.change', number::TEXT, TRUE);
    setting := set_config('tasks.writer', writer, TRUE);
    RETURN number;
END
$$;
