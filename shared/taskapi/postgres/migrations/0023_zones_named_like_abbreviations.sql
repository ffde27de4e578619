-- As in 0009, but for these names it returns another name of the same zone (tzdata has them
-- as links). AT TIME ZONE takes them for abbreviations, which have no summer time.
CREATE OR REPLACE FUNCTION known_time_zone(zone TEXT)
    RETURNS TEXT STABLE STRICT LANGUAGE plpgsql
    AS $$
BEGIN
    zone := CASE zone WHEN 'CET' THEN 'Europe/Brussels'
                      WHEN 'MET' THEN 'Europe/Brussels'
                      WHEN 'EET' THEN 'Europe/Athens'
                      WHEN 'WET' THEN 'Europe/Lisbon' ELSE zone END;
    IF EXISTS (SELECT FROM time_zones WHERE name = zone) THEN
        RETURN zone;
    END IF;
    IF zone ~ '^[A-Z][A-Za-z_]*/[A-Za-z_/-]+$' AND zone !~* '^(posix|right)/'
      AND NOT EXISTS (SELECT FROM time_zones WHERE lower(name) = lower(zone)) THEN
        BEGIN
            PERFORM now() AT TIME ZONE zone;
            IF EXISTS (SELECT FROM pg_timezone_names WHERE name = zone) THEN
                RETURN zone;
            END IF;
        EXCEPTION WHEN invalid_parameter_value THEN
        END;
    END IF;
    RAISE 'no such time zone'
        USING ERRCODE = 'T0002', COLUMN = 'time_zone', CONSTRAINT = 'unknown';
END
$$;
