-- One row for each create of the last 24 hours: its key, the task, and a hash of the
-- body. The text isn't here, so a deleted task leaves no text behind.
CREATE TABLE idempotency_keys (
    user_id VARCHAR(255) NOT NULL,
    key VARCHAR(255) NOT NULL,
    fingerprint BYTEA NOT NULL,
    task_id BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (user_id, key)
);

-- Each create deletes up to two of the oldest.
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
