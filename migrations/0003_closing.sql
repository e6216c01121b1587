-- What closing a ticket leaves behind (CONTRACT.md 7.10, 7.11 and 12).

-- artifact_payload is json, not jsonb: its bytes are those that artifact_hash is the SHA-256 of.
CREATE TABLE closeout_artifacts (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    ticket_id uuid NOT NULL REFERENCES tickets (id),
    artifact_type text NOT NULL,
    artifact_name text NOT NULL,
    artifact_hash text NOT NULL,
    artifact_payload json NOT NULL,
    created_by text NOT NULL,
    request_id uuid,
    created_at timestamptz NOT NULL DEFAULT dispatch_now(),
    UNIQUE (ticket_id, artifact_type)
);

-- What a cancelled ticket still meant to say.
CREATE INDEX dispatch_outbox_undelivered_idx ON dispatch_outbox (aggregate_id) WHERE status IN ('PENDING', 'DEAD_LETTER');
