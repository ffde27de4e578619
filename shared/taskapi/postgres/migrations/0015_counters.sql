-- Everybody who has tasks gets a counter. So the ETag of a list without one, which begins
-- with 0, is always the ETag of an empty list.
INSERT INTO change_counters (user_id, counter)
SELECT user_id, (extract(epoch FROM clock_timestamp()) * 1000000)::BIGINT
  FROM tasks
 GROUP BY user_id
    ON CONFLICT DO NOTHING;
