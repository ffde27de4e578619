-- contracts: only triggers and functions of the database have called these since release 1
-- The functions of 0019, faster; what they return is the same. PL/pgSQL prepares each
-- expression again in each transaction: 0.3 us for each operator or function in it, which
-- takes longer than to evaluate it. A subquery, a PERFORM, or a function in SQL with a FROM
-- takes 10 us. So there are few operators on the way of a common rule, and no subqueries.

-- As in 0009. If the clock has not changed in the last 24 hours, the time is there once.
CREATE OR REPLACE FUNCTION local_moment(local_time TIMESTAMP, zone TEXT)
    RETURNS TIMESTAMPTZ STABLE LANGUAGE plpgsql
    AS $$
DECLARE
    last TIMESTAMPTZ := local_time AT TIME ZONE zone;
    day_before TIMESTAMPTZ := last - interval '24 hours';
    local_day_before TIMESTAMP := day_before AT TIME ZONE zone;
    first TIMESTAMPTZ;
BEGIN
    IF local_day_before + interval '24 hours' <> local_time THEN
        first := (local_time - (local_day_before - day_before AT TIME ZONE 'UTC'))
                 AT TIME ZONE 'UTC';
        IF first < last AND first AT TIME ZONE zone = local_time THEN
            RETURN first;
        END IF;
    END IF;
    RETURN last;
END
$$;

-- Return the value of a part that a rule has, such as INTERVAL.
CREATE FUNCTION rule_part(rule TEXT, name TEXT) RETURNS TEXT IMMUTABLE LANGUAGE SQL
    AS $$ SELECT split_part(split_part(rule, name || '=', 2), ';', 1) $$;

CREATE FUNCTION month_number(day DATE) RETURNS INT IMMUTABLE LANGUAGE SQL
    AS $$
    SELECT (extract(year FROM day) * 12 + extract(month FROM day))::INT - 1
$$;

-- Return bits as hexadecimal digits, which Postgres parses faster; varbit_send() begins with
-- 8 digits for the length.
CREATE FUNCTION hex(bits VARBIT) RETURNS TEXT IMMUTABLE LANGUAGE SQL
    AS $$ SELECT substr(encode(varbit_send(bits), 'hex'), 9) $$;

-- What is known of the 28 kinds of months, and of the 4,800 months after which the calendar
-- repeats, in constants of bits:
-- - month_kind(month), as in 0019;
-- - months_of_kinds(): a bit for each month from January 1901 on, which is set in those of
--   kind 0, then the same for kind 1, and so on;
-- - on_month_day(n): the n-th day of a month, or the n-th last one if n is negative, as 32
--   bits for each kind, the first one for its first day;
-- - on_weekday(nth, weekday): the same for a weekday from 0 (Monday) on, all if nth is 0.
DO $$
BEGIN
    EXECUTE format(
        'CREATE OR REPLACE FUNCTION month_kind(month INT) RETURNS INT
             IMMUTABLE LANGUAGE SQL
             AS $function$ SELECT get_byte(%L, month %% 4800) $function$',
        (SELECT string_agg(set_byte('\x00', 0, month_kind(4800 + month)), '' ORDER BY month)
           FROM generate_series(0, 4799) AS month));
    EXECUTE format(
        'CREATE FUNCTION months_of_kinds() RETURNS VARBIT IMMUTABLE LANGUAGE SQL
             AS $function$ SELECT X%L::VARBIT $function$',
        hex((SELECT string_agg(translate(kinds, alphabet, repeat('0', kind) || '1'
                                     || repeat('0', 27 - kind)), '' ORDER BY kind)
           FROM generate_series(0, 27) AS kind,
                (SELECT string_agg(chr(65 + month_kind(month)), '' ORDER BY month)
                   FROM generate_series(22812, 27611) AS month) AS months (kinds),
                (SELECT string_agg(chr(65 + kind), '' ORDER BY kind)
                   FROM generate_series(0, 27) AS kind) AS letters (alphabet))::VARBIT));
    EXECUTE format(
        'CREATE FUNCTION on_month_day(n INT) RETURNS VARBIT IMMUTABLE LANGUAGE SQL
             AS $function$ SELECT substring(X%L::VARBIT FROM 896 * (n + 31) + 1 FOR 896)
             $function$',
        hex((SELECT string_agg((day < length AND n IN (day + 1, day - length))::INT::TEXT, ''
                           ORDER BY n, kind, day)
           FROM generate_series(-31, 31) AS n, generate_series(0, 27) AS kind,
                generate_series(0, 31) AS day,
                LATERAL (SELECT kind / 7 + 28) AS month (length))::VARBIT));
    EXECUTE format(
        'CREATE FUNCTION on_weekday(nth INT, weekday INT) RETURNS VARBIT
             IMMUTABLE LANGUAGE SQL
             AS $function$
             SELECT substring(X%L::VARBIT FROM 896 * (7 * (nth + 5) + weekday) + 1 FOR 896)
             $function$',
        hex((SELECT string_agg((
                    day < length AND (kind + day) % 7 = weekday
                    AND nth IN (0, day / 7 + 1, (day - length + 1) / 7 - 1))::INT::TEXT, ''
                    ORDER BY nth, weekday, kind, day)
           FROM generate_series(-5, 5) AS nth, generate_series(0, 6) AS weekday,
                generate_series(0, 27) AS kind, generate_series(0, 31) AS day,
                LATERAL (SELECT kind / 7 + 28) AS month (length))::VARBIT));
END
$$;

-- squawk-ignore ban-drop-function
DROP FUNCTION hex(VARBIT);
-- squawk-ignore ban-drop-function
DROP FUNCTION month_start(INT);

-- Return the days that BYMONTHDAY and BYDAY name, as 32 bits for each kind of month.
-- squawk-ignore ban-drop-function
DROP FUNCTION named_days(INT, INT[], TEXT[]);
CREATE FUNCTION named_days(month_days TEXT[], weekdays TEXT[]) RETURNS VARBIT
    IMMUTABLE LANGUAGE plpgsql
    AS $$
DECLARE
    month_day INT;
    by_month_day VARBIT;
    weekday TEXT;
    nth INT;
    by_weekday VARBIT;
BEGIN
    IF month_days IS NOT NULL THEN
        by_month_day := on_month_day(0); -- none
        FOREACH month_day IN ARRAY month_days LOOP
            by_month_day := by_month_day | on_month_day(month_day);
        END LOOP;
    END IF;
    IF weekdays IS NOT NULL THEN
        by_weekday := on_month_day(0);
        FOREACH weekday IN ARRAY weekdays LOOP
            nth := 0;
            IF length(weekday) > 2 THEN
                nth := left(weekday, -2);
            END IF;
            by_weekday := by_weekday
                | on_weekday(nth, strpos('MOTUWETHFRSASU', right(weekday, 2)) / 2);
        END LOOP;
    END IF;
    RETURN COALESCE(by_month_day & by_weekday, by_month_day, by_weekday);
END
$$;

-- Return how many days of some months are named: of the first one, and of those that follow
-- in steps, by the number of months of each kind.
CREATE FUNCTION count_in_months(named VARBIT, first INT, step INT, months INT)
    RETURNS BIGINT IMMUTABLE LANGUAGE plpgsql
    AS $$
DECLARE
    number BIGINT := 0;
    start INT; -- in a row of months_of_kinds()
    together INT; -- those up to the end of the row
    until_last INT;
    each_step VARBIT;
BEGIN
    WHILE months > 0 LOOP
        start := (first + 1188) % 4800;
        together := LEAST(months, (4799 - start) / step + 1);
        until_last := (together - 1) * step + 1;
        IF step > 1 THEN
            each_step := repeat(rpad('1', step, '0'), together);
            each_step := substring(each_step FOR until_last);
        END IF;
        FOR kind IN 0..27 LOOP
            number := number
                + bit_count(substring(named FROM 32 * kind + 1 FOR 32))
                * CASE step WHEN 1 THEN
                    -- Postgres copies bits faster from the beginning of a byte on.
                    bit_count(substring(months_of_kinds()
                                        FROM 4800 * kind + 1 FOR start + until_last))
                    - bit_count(substring(months_of_kinds() FROM 4800 * kind + 1 FOR start))
                ELSE
                    bit_count(each_step & substring(
                        months_of_kinds() FROM 4800 * kind + 1 + start FOR until_last))
                END;
        END LOOP;
        first := first + together * step;
        months := months - together;
    END LOOP;
    RETURN number;
END
$$;

-- As in 0019.
CREATE OR REPLACE FUNCTION next_occurrence(
        rule TEXT, start TIMESTAMP, is_day BOOLEAN, zone TEXT, after TIMESTAMPTZ)
    RETURNS TIMESTAMP STABLE LANGUAGE plpgsql
    AS $$
DECLARE
    step INT := 1;
    until TEXT;
    count_limit INT;
    weekdays TEXT[];
    month_days TEXT[];
    start_day DATE := start::DATE;
    -- The last day that is too early.
    previous DATE := GREATEST((after AT TIME ZONE zone)::DATE
                              - CASE WHEN is_day THEN 0 ELSE 2 END, start_day);
    day DATE;
    moment TIMESTAMPTZ;
    occurrence TIMESTAMP;
    -- Only of weeks with BYDAY: the first Monday, and the days from Monday on.
    first_day DATE;
    week VARBIT;
    weekday TEXT;
    day_of_week INT;
    days_ahead INT;
    -- Only of months.
    first_month INT;
    month INT;
    kind INT;
    named VARBIT; -- the days of all kinds of months
    bits VARBIT; -- the days of a month that are not too early
    too_early INT;
    day_of_month INT;
    periods INT;
    number BIGINT;
BEGIN
    IF rule LIKE '%INTERVAL=%' THEN
        step := rule_part(rule, 'INTERVAL');
    END IF;
    IF rule LIKE 'FREQ=DAILY%' THEN
        NULL;
    ELSIF rule LIKE 'FREQ=WEEKLY%' THEN
        step := step * 7;
        IF rule LIKE '%BYDAY=%' THEN
            weekdays := string_to_array(rule_part(rule, 'BYDAY'), ',');
            first_day := start_day - (start_day - '0001-01-01'::DATE) % 7;
            week := B'0000000';
            FOREACH weekday IN ARRAY weekdays LOOP
                week := set_bit(week, strpos('MOTUWETHFRSASU', weekday) / 2, 1);
            END LOOP;
        END IF;
    ELSE
        IF rule LIKE 'FREQ=YEARLY%' THEN
            step := step * 12;
        END IF;
        IF rule LIKE '%BY%' THEN
            IF rule LIKE '%BYDAY=%' THEN
                weekdays := string_to_array(rule_part(rule, 'BYDAY'), ',');
            END IF;
            IF rule LIKE '%BYMONTHDAY=%' THEN
                month_days := string_to_array(rule_part(rule, 'BYMONTHDAY'), ',');
            END IF;
            named := named_days(month_days, weekdays);
        ELSE
            named := on_month_day(extract(day FROM start)::INT);
        END IF;
    END IF;

    LOOP
        IF named IS NOT NULL THEN
            month := month_number(previous);
            too_early := extract(day FROM previous);
            IF step > 1 THEN
                first_month := month_number(start_day);
                IF (month - first_month) % step > 0 THEN
                    month := month + step - (month - first_month) % step;
                    too_early := 0;
                END IF;
            END IF;
            -- For 400 years at most, after which the calendar repeats, and until all are
            -- after 9999.
            FOR each IN month..LEAST(month + lcm(4800, step), 131999) BY step LOOP
                bits := substring(named FROM 32 * month_kind(each) + 1 FOR 32) << too_early;
                IF bit_count(bits) > 0 THEN
                    month := each;
                    EXIT;
                ELSIF each = month + 4 * step THEN
                    -- Give up if no month has such a day, or none with the length that
                    -- all have, because the steps are years.
                    kind := month_kind(each);
                    EXIT WHEN bit_count(CASE WHEN step % 12 = 0 AND kind >= 14
                        THEN substring(named FROM 32 * (kind - kind % 7) + 1 FOR 224)
                        ELSE named END) = 0;
                END IF;
                too_early := 0;
            END LOOP;
            day_of_month := too_early + position(B'1' IN bits);
            IF day_of_month = 0 THEN
                RETURN NULL;
            END IF;
            day := make_date(month / 12, month % 12 + 1, day_of_month);
        ELSIF week IS NOT NULL THEN
            day_of_week := (previous + 1 - first_day) % step; -- from 7 on: no such week
            days_ahead := position(B'1' IN substring(week FROM day_of_week + 1));
            IF days_ahead = 0 THEN
                days_ahead := step - day_of_week + position(B'1' IN week);
            END IF;
            day := previous + days_ahead;
        ELSE
            day := previous + step - (previous - start_day) % step;
        END IF;
        occurrence := day + start::TIME;
        EXIT WHEN is_day;
        moment := local_moment(occurrence, zone);
        EXIT WHEN moment > after;
        previous := day;
    END LOOP;

    IF day > '9999-12-30'::DATE THEN
        IF COALESCE(moment AT TIME ZONE 'UTC', day) >= '10000-01-01'::TIMESTAMP THEN
            RETURN NULL;
        END IF;
    END IF;
    IF rule LIKE '%UNTIL=%' THEN
        until := rule_part(rule, 'UNTIL');
        IF (CASE WHEN length(until) = 8 THEN day > until::DATE
                 WHEN is_day THEN day > (until::TIMESTAMPTZ AT TIME ZONE zone)::DATE
                 ELSE moment > until::TIMESTAMPTZ END) THEN
            RETURN NULL;
        END IF;
    ELSIF rule LIKE '%COUNT=%' THEN
        count_limit := rule_part(rule, 'COUNT');
        -- Count those after the start, which is the first one itself.
        IF named IS NOT NULL THEN
            -- A month has a weekday five times at most, and one with a number once. (Those
            -- without come first.) If all months had as many, and 28 days, would they be
            -- used up?
            IF ((day - start_day) / (28 * step) + 2) * COALESCE(LEAST(
                cardinality(month_days),
                cardinality(weekdays) * CASE length(weekdays[1]) WHEN 2 THEN 5 ELSE 1 END
            ), 1) >= count_limit THEN
                first_month := month_number(start_day);
                periods := (month - first_month) / step + 1;
                -- All days of these months, without those up to the start, and those later
                -- than this day.
                number := count_in_months(named, first_month, step, periods)
                    - bit_count(substring(named FROM 32 * month_kind(first_month) + 1
                                          FOR extract(day FROM start)::INT))
                    - bit_count(bits) + 1;
            END IF;
        ELSIF week IS NOT NULL THEN
            number := (day - first_day) / step * bit_count(week)
                + bit_count(substring(week FOR (day - first_day) % step + 1))
                - bit_count(substring(week FOR start_day - first_day + 1));
        ELSE
            number := (day - start_day) / step;
        END IF;
        IF number >= count_limit THEN
            RETURN NULL;
        END IF;
    END IF;
    RETURN occurrence;
END
$$;

-- As in 0019, also for a task that is inserted, and instead of refuse_recurrence().
CREATE OR REPLACE FUNCTION create_next_task() RETURNS TRIGGER LANGUAGE plpgsql
    SET search_path FROM CURRENT
    AS $$
DECLARE
    next tasks%ROWTYPE;
    zone TEXT;
    is_day BOOLEAN;
    start TIMESTAMP;
    occurrence TIMESTAMP;
    count INT;
    setting TEXT;
BEGIN
    IF TG_OP = 'INSERT' OR OLD.completed OR NOT NEW.completed THEN
        IF NEW.due_on IS NULL AND NEW.due_at IS NULL THEN
            RAISE 'a recurrence needs a due date'
                USING ERRCODE = 'T0002', COLUMN = 'recurrence', CONSTRAINT = 'due_date';
        END IF;
        RETURN NEW;
    END IF;
    next := NEW;
    NEW.recurrence := NULL::TEXT;
    NEW.clock_shift := NULL::INTERVAL;
    zone := COALESCE(NEW.time_zone, 'UTC');
    is_day := NEW.due_on IS NOT NULL;
    IF is_day THEN
        start := NEW.due_on;
    ELSE
        start := NEW.due_at AT TIME ZONE zone;
        IF next.clock_shift IS NOT NULL THEN
            IF local_moment(start - next.clock_shift, zone) = NEW.due_at THEN
                start := start - next.clock_shift;
            END IF;
        END IF;
    END IF;
    occurrence := next_occurrence(
        next.recurrence, start, is_day, zone, GREATEST(now(), NEW.due_at));
    IF occurrence IS NULL THEN
        RETURN NEW;
    END IF;
    next.id := nextval('tasks_id_seq');
    next.version := 1::BIGINT;
    next.completed := FALSE;
    next.completed_at := NULL::TIMESTAMPTZ;
    next.created_at := GREATEST(now(), NEW.updated_at);
    next.updated_at := next.created_at;
    IF next.recurrence LIKE '%COUNT=%' THEN
        count := rule_part(next.recurrence, 'COUNT');
        next.recurrence := replace(
            next.recurrence, 'COUNT=' || count, 'COUNT=' || count - 1);
    END IF;
    IF is_day THEN
        next.due_on := occurrence;
    ELSE
        next.due_at := local_moment(occurrence, zone);
        next.clock_shift := NULLIF(
            (next.due_at AT TIME ZONE zone) - occurrence, '0'::INTERVAL);
    END IF;
    INSERT INTO tasks VALUES (next.*);
    setting := set_config('tasks.next_task', json_build_object(
        'after', format('"%s-%s"', NEW.id, NEW.version),
        'id', next.id,
        'due_date', COALESCE(to_char(next.due_on::TIMESTAMP, 'YYYY-MM-DD'),
                             rfc3339(next.due_at)),
        'recurrence', next.recurrence)::TEXT, TRUE);
    RETURN NEW;
END
$$;
-- As in 0018. tasks.write has number and writer as one text, which is faster to compare: a
-- trigger's WHEN is parsed again in each statement.
CREATE OR REPLACE FUNCTION next_change(writer TEXT) RETURNS BIGINT VOLATILE LANGUAGE plpgsql
    AS $$
DECLARE
    now_in_us BIGINT := extract(epoch FROM clock_timestamp()) * 1000000;
    number BIGINT;
    setting TEXT;
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
    -- The triggers read these, which end with the transaction.
    setting := set_config('tasks.change', number::TEXT, TRUE);
    setting := set_config('tasks.writer', writer, TRUE);
    setting := set_config('tasks.write', number::TEXT || writer, TRUE);
    RETURN number;
END
$$;
-- These come last, because they lock the table.
DROP TRIGGER tasks_recurrence_is_due ON tasks;
-- squawk-ignore ban-drop-function
DROP FUNCTION refuse_recurrence();
CREATE OR REPLACE TRIGGER tasks_recur BEFORE INSERT OR UPDATE ON tasks FOR EACH ROW
    WHEN (NEW.recurrence IS NOT NULL)
    EXECUTE FUNCTION create_next_task();
CREATE OR REPLACE TRIGGER tasks_number_write BEFORE INSERT OR UPDATE ON tasks FOR EACH ROW
    WHEN (current_setting('tasks.write', TRUE)
          IS DISTINCT FROM NEW.change::TEXT || NEW.user_id)
    EXECUTE FUNCTION number_write();
