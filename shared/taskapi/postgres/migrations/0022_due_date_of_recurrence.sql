-- As in 0020, but a task without a due date is refused also if the same write completes it.
-- Then next_occurrence() began at NULL, and searched until the statement was cancelled.
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
    IF NEW.due_on IS NULL AND NEW.due_at IS NULL THEN
        RAISE 'a recurrence needs a due date'
            USING ERRCODE = 'T0002', COLUMN = 'recurrence', CONSTRAINT = 'due_date';
    END IF;
    IF TG_OP = 'INSERT' OR OLD.completed OR NOT NEW.completed THEN
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
