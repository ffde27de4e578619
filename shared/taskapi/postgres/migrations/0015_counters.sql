-- no transaction
-- Everybody who has tasks gets a counter. So the ETag of a list without one, which begins
-- with 0, is always the ETag of an empty list.
-- Finding the next user is one look into an index, however many tasks a user has. The block
-- commits after every 1,000 users, because their writers may wait until then. It can be
-- stopped, and begins again. Its lines end with comments, because a semicolon at the end of
-- a line would end the statement.
DO $$
DECLARE
    owner TEXT := (SELECT min(user_id) FROM tasks); -- the first user
    number INT := 0; -- of users so far
BEGIN
    WHILE owner IS NOT NULL LOOP
        INSERT INTO change_counters (user_id, counter)
        VALUES (owner, (extract(epoch FROM clock_timestamp()) * 1000000)::BIGINT)
            ON CONFLICT DO NOTHING; -- who has one keeps it
        number := number + 1; --
        IF number % 1000 = 0 THEN
            COMMIT; --
        END IF; --
        owner := (SELECT min(user_id) FROM tasks WHERE user_id > owner); -- the next user
    END LOOP; --
END
$$;
