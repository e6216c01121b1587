-- Who has which ticket open on a cockpit's screen (CONTRACT.md 9): true for seconds, and lost by
-- design when the server is. Nothing is decided by it.
CREATE UNLOGGED TABLE cockpit_presence (
    session uuid PRIMARY KEY,
    actor_id text NOT NULL CHECK (char_length(actor_id) <= 200),
    actor_role text NOT NULL,
    ticket_id uuid NOT NULL,
    is_editing boolean NOT NULL DEFAULT false,
    -- Since when this ticket is open there, and when that was last said.
    since timestamptz NOT NULL DEFAULT dispatch_now(),
    seen_at timestamptz NOT NULL DEFAULT dispatch_now()
);

CREATE INDEX cockpit_presence_ticket_idx ON cockpit_presence (ticket_id);
