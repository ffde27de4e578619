-- The key that signs the cursors of lists, one for all execution environments. Each
-- reads it together with its first list. Two UUIDs hold 244 random bits.
CREATE TABLE cursor_keys (
    id BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (id),
    key BYTEA NOT NULL
);
INSERT INTO cursor_keys (key)
VALUES (sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())));
