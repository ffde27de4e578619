-- The functions of 0019, faster; what they return is the same. PL/pgSQL prepares each
-- expression again in each transaction, which takes longer than to evaluate it: 1 us. A
-- subquery, a PERFORM, or a function in SQL with a FROM takes ten times as long. So there are
-- few expressions on the way of a common rule, and no subqueries.

-- As in 0009.
CREATE OR REPLACE FUNCTION local_moment(local_time TIMESTAMP, zone TEXT)
    RETURNS TIMESTAMPTZ STABLE LANGUAGE plpgsql
    AS $$
DECLARE
    last TIMESTAMPTZ := local_time AT TIME ZONE zone;
    day_before TIMESTAMPTZ := last - interval '24 hours';
    first TIMESTAMPTZ := (local_time - (day_before AT TIME ZONE zone
                                        - day_before AT TIME ZONE 'UTC'))
                         AT TIME ZONE 'UTC';
BEGIN
    IF first < last AND first AT TIME ZONE zone = local_time THEN
        RETURN first;
    END IF;
    RETURN last;
END
$$;

-- Return the value of a part of a rule, such as INTERVAL; NULL if it doesn't have the part.
CREATE FUNCTION rule_part(rule TEXT, name TEXT) RETURNS TEXT IMMUTABLE LANGUAGE SQL
    AS $$ SELECT NULLIF(split_part(split_part(rule, name || '=', 2), ';', 1), '') $$;

CREATE FUNCTION month_number(day DATE) RETURNS INT IMMUTABLE LANGUAGE SQL
    AS $$
    SELECT (extract(year FROM day) * 12 + extract(month FROM day))::INT - 1
$$;

-- Return the lowest bit that is set, from 0 on; 31 if there is none.
CREATE FUNCTION lowest_bit(bits BIGINT) RETURNS INT IMMUTABLE LANGUAGE SQL
    AS $$ SELECT bit_count(((bits & -bits) - 1)::BIT(31))::INT $$;

-- As in 0019. All days with a weekday are every seventh bit; kind % 7 is the weekday of the
-- month's first day. The n-th Friday is the Friday among seven days, from 7n - 6 on; the
-- last one (-1) is that among the last seven.
CREATE OR REPLACE FUNCTION named_days(kind INT, month_days INT[], weekdays TEXT[])
    RETURNS BIGINT IMMUTABLE LANGUAGE plpgsql
    AS $$
DECLARE
    length INT := kind / 7 + 28;
    bits BIGINT := (1::BIGINT << length) - 1;
    month_day INT;
    by_month_day BIGINT := 0;
    weekday TEXT;
    nth INT;
    by_weekday BIGINT := 0;
BEGIN
    IF month_days IS NOT NULL THEN
        FOREACH month_day IN ARRAY month_days LOOP
            by_month_day := by_month_day | (1::BIGINT << CASE
                WHEN month_day > 0 THEN month_day - 1 ELSE length + month_day END);
        END LOOP;
        bits := bits & by_month_day;
    END IF;
    IF weekdays IS NOT NULL THEN
        FOREACH weekday IN ARRAY weekdays LOOP
            nth := NULLIF(left(weekday, -2), '');
            by_weekday := by_weekday | (
                x'810204081'::BIGINT
                << strpos('MOTUWETHFRSASU', right(weekday, 2)) / 2 >> kind % 7
                & CASE WHEN nth > 0 THEN 127::BIGINT << 7 * (nth - 1)
                       WHEN nth < 0 THEN 127::BIGINT << length + 7 * (nth + 1) >> 7
                       ELSE -1 END);
        END LOOP;
        bits := bits & by_weekday;
    END IF;
    RETURN bits;
END
$$;

-- As in 0019, but looked up: the calendar repeats after 400 years, which are 4,800 months.
DO $$
BEGIN
    EXECUTE format(
        'CREATE OR REPLACE FUNCTION month_kind(month INT) RETURNS INT IMMUTABLE LANGUAGE SQL
             AS $function$ SELECT get_byte(%L, month %% 4800) $function$',
        (SELECT string_agg(set_byte('\x00', 0, month_kind(4800 + month)), '' ORDER BY month)
           FROM generate_series(0, 4799) AS month));
END
$$;

-- Return how many of the bits 0 to last are set.
CREATE FUNCTION count_bits(bits BIGINT, last INT) RETURNS BIGINT IMMUTABLE LANGUAGE SQL
    AS $$ SELECT bit_count((bits & ~(-1::BIGINT << last + 1))::BIT(31)) $$;

-- Return how many days BYMONTHDAY and BYDAY name in each kind of month, from index 0 on.
-- What BYMONTHDAY names depends on the length alone; what BYDAY names on the first weekday
-- alone, unless it counts from the end.
CREATE FUNCTION count_named_days(month_days INT[], weekdays TEXT[]) RETURNS BIGINT[]
    IMMUTABLE LANGUAGE plpgsql
    AS $$
DECLARE
    counts_from_end BOOLEAN := weekdays::TEXT LIKE '%-%';
    by_month_day BIGINT;
    by_weekday BIGINT[];
    counts BIGINT[];
BEGIN
    FOR kind IN REVERSE 27..0 LOOP
        IF kind % 7 = 6 THEN
            by_month_day := named_days(kind, month_days, NULL);
        END IF;
        IF kind > 20 OR counts_from_end THEN
            by_weekday[kind % 7] := named_days(kind, NULL, weekdays);
        END IF;
        counts[kind] := count_bits(by_month_day & by_weekday[kind % 7], 30);
    END LOOP;
    RETURN counts;
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
    count_limit BIGINT;
    weekdays TEXT[];
    month_days INT[];
    start_day DATE := start::DATE;
    earliest DATE := GREATEST((after AT TIME ZONE zone)::DATE
                              + CASE WHEN is_day THEN 1 ELSE -1 END, start_day + 1);
    day DATE;
    moment TIMESTAMPTZ;
    -- A period is a day, a week or a month. In days and weeks: the first day of the first
    -- one, and the days that the rule names in each, bit 0 for the first. In months: the
    -- same of the month that is looked at.
    first_day DATE;
    bits BIGINT;
    day_of_period INT;
    periods BIGINT;
    number BIGINT := 0;
    -- Only of months.
    first_month INT;
    month INT;
    last_month INT;
    counts BIGINT[];
BEGIN
    IF rule LIKE '%INTERVAL=%' THEN
        step := rule_part(rule, 'INTERVAL');
    END IF;
    IF rule LIKE 'FREQ=DAILY%' THEN
        first_day := start_day;
        bits := 1;
    ELSIF rule LIKE 'FREQ=WEEKLY%' THEN
        step := step * 7;
        first_day := start_day - (start_day - '0001-01-01'::DATE) % 7;
        weekdays := string_to_array(rule_part(rule, 'BYDAY'), ',');
        IF weekdays IS NULL THEN
            bits := 1::BIGINT << start_day - first_day;
        ELSE
            -- A week is like the first days of a month that begins with Monday.
            bits := named_days(0, NULL, weekdays) & 127;
        END IF;
    ELSE
        IF rule LIKE 'FREQ=YEARLY%' THEN
            step := step * 12;
        ELSE
            weekdays := string_to_array(rule_part(rule, 'BYDAY'), ',');
            month_days := string_to_array(rule_part(rule, 'BYMONTHDAY'), ',');
        END IF;
        IF month_days IS NULL AND weekdays IS NULL THEN
            month_days := ARRAY[date_part('day', start)];
        END IF;
        first_month := month_number(start_day);
    END IF;

    LOOP
        IF first_month IS NULL THEN
            day_of_period := (earliest - first_day) % step;
            IF bits >> LEAST(day_of_period, 31) = 0 THEN
                earliest := earliest + step - day_of_period;
                day_of_period := 0;
            END IF;
            day := earliest + lowest_bit(bits >> day_of_period);
        ELSE
            month := month_number(earliest);
            month := month + (first_month - month) % step;
            FOR attempt IN 1..4 LOOP
                first_day := month_start(month);
                bits := named_days(month_kind(month), month_days, weekdays)
                        & (-1::BIGINT << LEAST(GREATEST(earliest - first_day, 0), 31));
                EXIT WHEN bits <> 0;
                month := month + step;
            END LOOP;
            IF bits = 0 THEN
                -- A rare day, such as 29 February, or none in the 400 years after which the
                -- calendar repeats.
                counts := count_named_days(month_days, weekdays);
                IF 0 = ALL (counts) THEN
                    RETURN NULL;
                END IF;
                last_month := LEAST(month + 4800 / gcd(4800, step) * step, 119999);
                FOR each IN month..last_month BY step LOOP
                    IF counts[month_kind(each)] > 0 THEN
                        month := each;
                        EXIT;
                    END IF;
                END LOOP;
                first_day := month_start(month);
                bits := named_days(month_kind(month), month_days, weekdays);
                IF bits = 0 THEN
                    RETURN NULL;
                END IF;
            END IF;
            day := first_day + lowest_bit(bits);
        END IF;
        EXIT WHEN is_day;
        moment := local_moment(day + start::TIME, zone);
        EXIT WHEN moment > after;
        earliest := day + 1;
    END LOOP;

    IF COALESCE(moment AT TIME ZONE 'UTC', day) >= '10000-01-01'::TIMESTAMP THEN
        RETURN NULL;
    ELSIF rule LIKE '%UNTIL=%' THEN
        until := rule_part(rule, 'UNTIL');
        IF (CASE WHEN length(until) = 8 THEN day > until::DATE
                 WHEN is_day THEN day > (until::TIMESTAMPTZ AT TIME ZONE zone)::DATE
                 ELSE moment > until::TIMESTAMPTZ END) THEN
            RETURN NULL;
        END IF;
    ELSIF rule LIKE '%COUNT=%' THEN
        count_limit := rule_part(rule, 'COUNT');
        periods := COALESCE(month - first_month, day - first_day) / step + 1;
        IF periods * COALESCE(LEAST(
            cardinality(month_days),
            cardinality(weekdays) * CASE length(weekdays[1]) WHEN 2 THEN 5 ELSE 1 END
        ), 1) >= count_limit THEN
            -- They might be used up if each period had as many days as it can have: a month
            -- has a weekday five times at most, and one with a number once. (Those without
            -- come first.) So count those after the start, which is the first one itself.
            IF first_month IS NULL THEN
                number := (periods - 1) * count_bits(bits, 6)
                    + count_bits(bits, (day - first_day) % step)
                    - count_bits(bits, start_day - first_day);
            ELSE
                counts := count_named_days(month_days, weekdays);
                IF counts[0] = ALL (counts) THEN -- each month has as many
                    number := (periods - 1) * counts[0];
                ELSE
                    FOR each IN first_month..month - 1 BY step LOOP
                        number := number + counts[month_kind(each)];
                    END LOOP;
                END IF;
                number := number
                    + count_bits(named_days(month_kind(month), month_days, weekdays),
                                 day - first_day)
                    - count_bits(named_days(month_kind(first_month), month_days, weekdays),
                                 start_day - month_start(first_month));
            END IF;
            IF number >= count_limit THEN
                RETURN NULL;
            END IF;
        END IF;
    END IF;
    RETURN day + start::TIME;
END
$$;

-- As in 0019.
CREATE OR REPLACE FUNCTION create_next_task() RETURNS TRIGGER LANGUAGE plpgsql
    SET search_path FROM CURRENT
    AS $$
DECLARE
    zone TEXT := COALESCE(NEW.time_zone, 'UTC');
    is_day BOOLEAN := NEW.due_on IS NOT NULL;
    next tasks%ROWTYPE := NEW;
    start TIMESTAMP;
    occurrence TIMESTAMP;
    count INT;
    setting TEXT;
BEGIN
    IF OLD.completed OR NOT NEW.completed THEN
        RETURN NEW;
    END IF;
    NEW.recurrence := NULL;
    NEW.clock_shift := NULL;
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
    next.version := 1;
    next.completed := FALSE;
    next.completed_at := NULL;
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
