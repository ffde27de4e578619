-- A search reads all texts of a user, which can take a processor for seconds. So that one
-- user can't occupy all processors, a user has one search at a time: a statement that
-- searches calls this function first. The turn ends with the statement's transaction.
-- T0001 is in the range of SQLSTATEs that PostgreSQL leaves to others (T is not A to H).
CREATE OR REPLACE FUNCTION take_search_turn(user_id TEXT) RETURNS BOOLEAN
    VOLATILE PARALLEL UNSAFE LANGUAGE plpgsql
    AS $$
BEGIN
    -- Two numbers: a lock of another kind than that of the migrations.
    IF pg_try_advisory_xact_lock(1, hashtext(user_id)) THEN
        RETURN TRUE;
    END IF;
    RAISE 'another search of this user is running' USING ERRCODE = 'T0001';
END
$$;
