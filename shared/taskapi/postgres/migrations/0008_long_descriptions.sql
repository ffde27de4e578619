-- Long descriptions are stored as they are. Postgres would compress them, and the time
-- to read them back would depend on the text: a list of 200 tasks with 5,000 emoji took
-- 19 ms of CPU, now 5. So one user could slow down the database for all others by
-- listing tasks. This concerns rows of more than 2 kB that are written from now on.
ALTER TABLE tasks ALTER COLUMN description SET STORAGE EXTERNAL;
