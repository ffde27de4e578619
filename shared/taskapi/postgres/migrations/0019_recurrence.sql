-- Recurring tasks. The rule is an RRULE of RFC 5545 in the spelling of tasks/recurrence.py.
ALTER TABLE tasks
    ADD COLUMN recurrence TEXT,
    -- How much later a task is due than its rule says, because clocks skip that time: due_at
    -- is 03:30, the rule's time is 02:30. It counts as long as that time means due_at.
    ADD COLUMN clock_shift INTERVAL;

-- Months as numbers, from the year 0 on: the first day of one, and its kind. There are 28
-- kinds, by length and first weekday: 0 has 28 days and begins with Monday, as 0001-01-01.
CREATE FUNCTION month_start(month INT) RETURNS DATE IMMUTABLE LANGUAGE SQL
    AS $$ SELECT make_date(month / 12, month % 12 + 1, 1) $$;
CREATE FUNCTION month_kind(month INT) RETURNS INT IMMUTABLE LANGUAGE SQL
    AS $$
    SELECT (month_start(month + 1) - month_start(month) - 28) * 7
           + (month_start(month) - '0001-01-01'::DATE) % 7
$$;

-- Return the days that BYMONTHDAY and BYDAY name in a kind of month: bit 0 is the first day.
CREATE FUNCTION named_days(kind INT, month_days INT[], weekdays TEXT[]) RETURNS BIGINT
    IMMUTABLE LANGUAGE plpgsql
    AS $$
DECLARE
    length INT := kind / 7 + 28;
    bits BIGINT := (1::BIGINT << length) - 1;
    by_weekday BIGINT := 0;
    weekday TEXT;
    first INT;
    nth INT;
BEGIN
    IF month_days IS NOT NULL THEN
        bits := bits & (
            SELECT bit_or(1::BIGINT << CASE WHEN each > 0 THEN each - 1 ELSE length + each END)
              FROM unnest(month_days) AS each);
    END IF;
    IF weekdays IS NULL THEN
        RETURN bits;
    END IF;
    FOREACH weekday IN ARRAY weekdays LOOP
        first := (strpos('MOTUWETHFRSASU', right(weekday, 2)) / 2 - kind % 7 + 7) % 7;
        nth := NULLIF(left(weekday, -2), '');
        IF nth IS NULL THEN
            by_weekday := by_weekday | (x'10204081'::BIGINT << first);
        ELSE
            IF nth < 0 THEN
                nth := (length - first + 6) / 7 + 1 + nth;
            END IF;
            IF nth > 0 THEN
                by_weekday := by_weekday | (1::BIGINT << first + 7 * (nth - 1));
            END IF;
        END IF;
    END LOOP;
    RETURN bits & by_weekday;
END
$$;

-- Return the first occurrence of a rule that is after its start and after a moment, as a
-- local time in the zone; NULL if the rule ends before. A rule for days (is_day) has
-- midnights, and the occurrence is after the day that the moment has in the zone.
--
-- All occurrences have the start's time of day, so the search is for a day. It is
-- arithmetic: a start of 1970 takes no longer than one of yesterday.
CREATE FUNCTION next_occurrence(
        rule TEXT, start TIMESTAMP, is_day BOOLEAN, zone TEXT, after TIMESTAMPTZ)
    RETURNS TIMESTAMP STABLE LANGUAGE plpgsql
    AS $$
DECLARE
    frequency TEXT := substring(rule FROM 'FREQ=(\w+)');
    step INT := COALESCE(substring(rule FROM 'INTERVAL=(\d+)')::INT, 1);
    count_limit BIGINT := substring(rule FROM 'COUNT=(\d+)')::BIGINT;
    until TEXT := substring(rule FROM 'UNTIL=(\w+)');
    weekdays TEXT[] := string_to_array(substring(rule FROM 'BYDAY=([^;]+)'), ',');
    month_days INT[] := string_to_array(substring(rule FROM 'BYMONTHDAY=([^;]+)'), ',');
    start_day DATE := start::DATE;
    today DATE := (after AT TIME ZONE zone)::DATE;
    earliest DATE := GREATEST(today + CASE WHEN is_day THEN 1 ELSE -1 END, start_day + 1);
    day DATE;
    moment TIMESTAMPTZ;
    number BIGINT;
    -- Days and weeks: the first day of the first period, and the days in each period.
    base DATE := start_day;
    days INT[] := '{0}';
    -- Months.
    first_month INT;
    month INT;
    bits BIGINT;
BEGIN
    IF frequency IN ('MONTHLY', 'YEARLY') THEN
        IF frequency = 'YEARLY' THEN
            step := step * 12;
        END IF;
        IF month_days IS NULL AND weekdays IS NULL THEN
            month_days := ARRAY[extract(day FROM start)];
        END IF;
        first_month := extract(year FROM start) * 12 + extract(month FROM start) - 1;
    ELSIF frequency = 'WEEKLY' THEN
        step := step * 7;
        base := start_day - (start_day - '0001-01-01'::DATE) % 7;
        days := CASE WHEN weekdays IS NULL THEN ARRAY[start_day - base] ELSE ARRAY(
            SELECT strpos('MOTUWETHFRSASU', weekday) / 2 FROM unnest(weekdays) AS weekday
          ORDER BY 1) END;
    END IF;

    LOOP
        IF first_month IS NULL THEN
            number := (earliest - base) % step;
            day := earliest - number::INT + COALESCE(
                (SELECT min(each) FROM unnest(days) AS each WHERE each >= number),
                step + days[1]);
        ELSE
            month := extract(year FROM earliest) * 12 + extract(month FROM earliest) - 1;
            month := month + (first_month - month) % step;
            FOR attempt IN 1..12 LOOP
                bits := named_days(month_kind(month), month_days, weekdays)
                        & (-1::BIGINT << LEAST(GREATEST(earliest - month_start(month), 0), 31));
                EXIT WHEN bits <> 0;
                month := month + step;
            END LOOP;
            IF bits = 0 AND weekdays IS NULL AND 29 <> ALL (month_days) THEN
                -- Only the length of February varies, and all months have had their turn.
                RETURN NULL;
            ELSIF bits = 0 THEN
                -- A rare day, such as 29 February, or none. In the 400 years after which the
                -- calendar repeats, look at one month of each kind.
                WITH kinds AS MATERIALIZED (
                    SELECT month_kind(each) AS kind, min(each) AS each
                      FROM generate_series(
                               month, month + 4800 / gcd(4800, step) * step, step) AS each
                     WHERE each < 120000
                  GROUP BY kind
                )
                SELECT min(each) INTO month FROM kinds
                 WHERE named_days(kind, month_days, weekdays) <> 0;
                bits := named_days(month_kind(month), month_days, weekdays);
            END IF;
            day := month_start(month) + strpos(reverse(bits::BIT(31)::TEXT), '1') - 1;
        END IF;
        moment := local_moment(day + start::TIME, zone);
        IF moment IS NULL OR extract(year FROM moment AT TIME ZONE 'UTC') > 9999 THEN
            RETURN NULL;
        END IF;
        EXIT WHEN is_day OR moment > after;
        earliest := day + 1;
    END LOOP;

    IF (CASE WHEN length(until) = 8 THEN day > until::DATE
             WHEN is_day THEN day > (until::TIMESTAMPTZ AT TIME ZONE zone)::DATE
             ELSE moment > until::TIMESTAMPTZ END) THEN
        RETURN NULL;
    END IF;
    IF count_limit IS NOT NULL THEN
        -- How many occurrences there are after the start; the start is the first one.
        IF first_month IS NULL THEN
            number := (SELECT ((day - base) / step)::BIGINT * count(*)
                              + count(*) FILTER (WHERE each <= (day - base) % step)
                              - count(*) FILTER (WHERE each <= start_day - base)
                         FROM unnest(days) AS each);
        ELSE
            IF (weekdays IS NULL AND cardinality(month_days) = 1 AND month_days[1] < 29)
              OR (month_days IS NULL AND cardinality(weekdays) = 1
                  AND weekdays[1] ~ '[1-4]') THEN
                -- One day that each month has.
                number := (month - first_month) / step + 1;
            ELSIF ((month - first_month) / step + 1)
                  * COALESCE(cardinality(month_days), 5 * cardinality(weekdays))
                  < count_limit THEN
                -- Even if all months had as many days as any, there would be some left. (A
                -- month has a weekday five times at most.)
                RETURN day + start::TIME;
            ELSE
                number := (
                    SELECT sum(months * bit_count(
                                   named_days(kind, month_days, weekdays)::BIT(31)))
                      FROM (SELECT month_kind(each) AS kind, count(*) AS months
                              FROM generate_series(first_month, month, step) AS each
                          GROUP BY kind) AS kinds);
            END IF;
            -- Without those that are later, and those up to the start.
            number := number
                - bit_count((named_days(month_kind(month), month_days, weekdays)
                             >> (day - month_start(month) + 1))::BIT(31))
                - bit_count((named_days(month_kind(first_month), month_days, weekdays)
                             & ~(-1::BIGINT << start_day - month_start(first_month) + 1)
                            )::BIT(31));
        END IF;
        IF number >= count_limit THEN
            RETURN NULL;
        END IF;
    END IF;
    RETURN day + start::TIME;
END
$$;

-- Completing a recurring task moves its rule to a new task, which is due next. So it does in
-- whatever way it is completed: by this release, by the one before it, in psql. Of two that
-- complete it at once, the second finds a completed task without a rule.
--
-- The new task has all columns of the completed one but these. Its number is that of the
-- same write. tasks.next_task tells the statement what the new task is, and the ETag that the
-- completed one has then: a later statement of the transaction finds another ETag.
CREATE FUNCTION create_next_task() RETURNS TRIGGER LANGUAGE plpgsql
    SET search_path FROM CURRENT
    AS $$
DECLARE
    zone TEXT := COALESCE(NEW.time_zone, 'UTC');
    is_day BOOLEAN := NEW.due_on IS NOT NULL;
    next tasks%ROWTYPE := NEW;
    start TIMESTAMP := NEW.due_on;
    occurrence TIMESTAMP;
    count BIGINT := substring(NEW.recurrence FROM 'COUNT=(\d+)');
BEGIN
    IF OLD.completed OR NOT NEW.completed THEN
        RETURN NEW;
    END IF;
    NEW.recurrence := NULL;
    NEW.clock_shift := NULL;
    IF NOT is_day THEN
        start := NEW.due_at AT TIME ZONE zone;
        IF next.clock_shift IS NOT NULL
          AND local_moment(start - next.clock_shift, zone) = NEW.due_at THEN
            start := start - next.clock_shift;
        END IF;
    END IF;
    occurrence := next_occurrence(
        next.recurrence, start, is_day, zone, GREATEST(now(), NEW.due_at));
    IF occurrence IS NULL THEN
        RETURN NEW;
    END IF;
    next.id := nextval('tasks_id_seq');
    next.version := 1;
    next.completed := FALSE;
    next.completed_at := NULL;
    next.created_at := GREATEST(now(), NEW.updated_at);
    next.updated_at := next.created_at;
    IF count IS NOT NULL THEN
        next.recurrence := regexp_replace(
            next.recurrence, 'COUNT=\d+', 'COUNT=' || count - 1);
    END IF;
    IF is_day THEN
        next.due_on := occurrence;
    ELSE
        next.due_at := local_moment(occurrence, zone);
        next.clock_shift := NULLIF(
            (next.due_at AT TIME ZONE zone) - occurrence, '0'::INTERVAL);
    END IF;
    INSERT INTO tasks SELECT next.*;
    PERFORM set_config('tasks.next_task', jsonb_build_object(
        'after', format('"%s-%s"', NEW.id, NEW.version),
        'id', next.id,
        'due_date', COALESCE(to_char(next.due_on::TIMESTAMP, 'YYYY-MM-DD'),
                             rfc3339(next.due_at)),
        'recurrence', next.recurrence)::TEXT, TRUE);
    RETURN NEW;
END
$$;
-- After tasks_number_write, because triggers fire in the order of their names.
CREATE TRIGGER tasks_recur BEFORE UPDATE ON tasks FOR EACH ROW
    WHEN (NEW.recurrence IS NOT NULL)
    EXECUTE FUNCTION create_next_task();

CREATE FUNCTION refuse_recurrence() RETURNS TRIGGER LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE 'a recurrence needs a due date'
        USING ERRCODE = 'T0002', COLUMN = 'recurrence', CONSTRAINT = 'due_date';
END
$$;
CREATE TRIGGER tasks_recurrence_is_due BEFORE INSERT OR UPDATE ON tasks FOR EACH ROW
    WHEN (NEW.recurrence IS NOT NULL AND NEW.due_on IS NULL AND NEW.due_at IS NULL)
    EXECUTE FUNCTION refuse_recurrence();
