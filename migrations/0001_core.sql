-- The tables of CONTRACT.md section 12 that the core toolset needs. Names, types and
-- meanings there are fixed; what is added here says so. A released file is never edited.

-- Words ---------------------------------------------------------------------------------

CREATE TYPE ticket_state AS ENUM (
    'NEW', 'NEEDS_INFO', 'TRIAGED', 'APPROVAL_REQUIRED', 'READY_TO_SCHEDULE',
    'SCHEDULE_PROPOSED', 'SCHEDULED', 'PENDING_CUSTOMER_CONFIRMATION', 'DISPATCHED',
    'ON_SITE', 'IN_PROGRESS', 'ON_HOLD', 'COMPLETED_PENDING_VERIFICATION', 'VERIFIED',
    'INVOICED', 'CLOSED', 'CANCELLED'
);
CREATE TYPE priority_level AS ENUM ('EMERGENCY', 'URGENT', 'ROUTINE');
CREATE TYPE actor_type AS ENUM ('HUMAN', 'AGENT', 'SERVICE', 'SYSTEM');
CREATE TYPE approval_status AS ENUM ('PENDING', 'APPROVED', 'DENIED', 'CANCELLED');

-- Times go over the wire with milliseconds, so that is what is kept (CONTRACT.md 1).
CREATE FUNCTION dispatch_now() RETURNS timestamptz
    LANGUAGE sql VOLATILE AS $$ SELECT date_trunc('milliseconds', clock_timestamp()) $$;

-- What belongs to this database as a whole: a mark that it is ours, and the epoch of its
-- change feed. A restore starts a new epoch, because transaction ids start anew with it.
CREATE TABLE dispatch_meta (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    epoch uuid NOT NULL DEFAULT gen_random_uuid(),
    created_at timestamptz NOT NULL DEFAULT dispatch_now()
);
INSERT INTO dispatch_meta DEFAULT VALUES;

-- Every change to a row that the queue shows carries the transaction that made it, whoever
-- made it: the change feed reads by it, and a call that was judged on an older row notices.
CREATE FUNCTION dispatch_stamp_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.changed_xid := pg_current_xact_id();
    RETURN NEW;
END $$;

-- Master data ---------------------------------------------------------------------------

CREATE TABLE accounts (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name text NOT NULL CHECK (btrim(name) <> ''),
    created_at timestamptz NOT NULL DEFAULT dispatch_now()
);

-- The weight by which regions spread evenly in the queue (CONTRACT.md 9.2), here because the
-- queue is put in order before it is cut. `domain::sla::region_weight` says the same; a test
-- compares them. UTF-16 units: a character past U+FFFF counts as its two surrogates.
CREATE FUNCTION dispatch_region_weight(region text) RETURNS integer
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    word text := upper(btrim(coalesce(region, ''), E' \t\n\r'));
    h integer := 0;
    c integer;
BEGIN
    IF word = '' THEN
        RETURN 500;
    END IF;
    FOR i IN 1..length(word) LOOP
        c := ascii(substr(word, i, 1));
        IF c > 65535 THEN
            h := (31 * h + (55296 + ((c - 65536) >> 10))) % 100000;
            c := 56320 + ((c - 65536) & 1023);
        END IF;
        h := (31 * h + c) % 100000;
    END LOOP;
    RETURN 10 + h % 981;
END $$;

CREATE TABLE sites (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    account_id uuid NOT NULL REFERENCES accounts (id),
    name text NOT NULL,
    address1 text NOT NULL,
    address2 text,
    city text NOT NULL,
    region text,
    postal_code text,
    country text NOT NULL DEFAULT 'US',
    timezone text NOT NULL DEFAULT 'America/Los_Angeles',
    access_instructions text,
    hours_json jsonb,
    created_at timestamptz NOT NULL DEFAULT dispatch_now(),
    -- Ours: where the region stands in the queue's order, and the change feed's stamp.
    region_weight integer NOT NULL GENERATED ALWAYS AS (dispatch_region_weight(region)) STORED,
    changed_xid xid8 NOT NULL DEFAULT pg_current_xact_id()
);
CREATE INDEX sites_account_idx ON sites (account_id);
CREATE INDEX sites_changed_idx ON sites (changed_xid);
CREATE TRIGGER sites_stamp_change BEFORE INSERT OR UPDATE ON sites
    FOR EACH ROW EXECUTE FUNCTION dispatch_stamp_change();

CREATE TABLE contacts (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    site_id uuid REFERENCES sites (id),
    account_id uuid REFERENCES accounts (id),
    name text NOT NULL,
    phone text,
    email text,
    role text,
    escalation_level integer,
    is_authorized_requester boolean NOT NULL DEFAULT false,
    is_authorized_approver boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT dispatch_now()
);
CREATE INDEX contacts_site_idx ON contacts (site_id);
CREATE INDEX contacts_account_idx ON contacts (account_id);

CREATE TABLE assets (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    site_id uuid NOT NULL REFERENCES sites (id),
    tag text,
    type text NOT NULL,
    make text,
    model text,
    serial text,
    installed_at date,
    warranty_until date,
    metadata jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT dispatch_now()
);
CREATE INDEX assets_site_idx ON assets (site_id);

CREATE TABLE technicians (
    id text PRIMARY KEY,
    name text NOT NULL,
    active boolean NOT NULL DEFAULT true,
    home_region text,
    phone text,
    email text,
    created_at timestamptz NOT NULL DEFAULT dispatch_now(),
    changed_xid xid8 NOT NULL DEFAULT pg_current_xact_id()
);
CREATE INDEX technicians_changed_idx ON technicians (changed_xid);
CREATE TRIGGER technicians_stamp_change BEFORE INSERT OR UPDATE ON technicians
    FOR EACH ROW EXECUTE FUNCTION dispatch_stamp_change();

CREATE TABLE technician_skills (
    technician_id text NOT NULL REFERENCES technicians (id) ON DELETE CASCADE,
    skill text NOT NULL,
    PRIMARY KEY (technician_id, skill)
);
CREATE TABLE technician_regions (
    technician_id text NOT NULL REFERENCES technicians (id) ON DELETE CASCADE,
    region text NOT NULL,
    PRIMARY KEY (technician_id, region)
);
CREATE TABLE technician_availability (
    technician_id text NOT NULL REFERENCES technicians (id) ON DELETE CASCADE,
    weekday smallint NOT NULL CHECK (weekday BETWEEN 0 AND 6),
    start_time time NOT NULL,
    end_time time NOT NULL,
    PRIMARY KEY (technician_id, weekday, start_time)
);

-- Tickets -------------------------------------------------------------------------------

CREATE SEQUENCE ticket_number_seq START 10001;

CREATE TABLE tickets (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    number text NOT NULL UNIQUE DEFAULT 'T-' || nextval('ticket_number_seq'),
    account_id uuid NOT NULL REFERENCES accounts (id),
    site_id uuid NOT NULL REFERENCES sites (id),
    asset_id uuid REFERENCES assets (id),
    state ticket_state NOT NULL DEFAULT 'NEW',
    priority priority_level NOT NULL DEFAULT 'ROUTINE',
    incident_type text,
    summary text NOT NULL CHECK (btrim(summary) <> ''),
    description text,
    customer_name text,
    customer_phone text,
    customer_email text,
    nte_cents bigint NOT NULL DEFAULT 0 CHECK (nte_cents >= 0),
    currency text NOT NULL DEFAULT 'USD',
    scheduled_start timestamptz,
    scheduled_end timestamptz,
    confirmed_start timestamptz,
    identity_signature text,
    identity_confidence smallint NOT NULL DEFAULT 0 CHECK (identity_confidence BETWEEN 0 AND 100),
    classification_confidence smallint NOT NULL DEFAULT 0
        CHECK (classification_confidence BETWEEN 0 AND 100),
    sop_handoff_required boolean NOT NULL DEFAULT false,
    sop_handoff_acknowledged boolean NOT NULL DEFAULT false,
    sop_handoff_prompt text,
    assigned_provider_id uuid,
    assigned_tech_id text REFERENCES technicians (id),
    requires_return_visit boolean NOT NULL DEFAULT false,
    source text,
    source_id text,
    version bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT dispatch_now(),
    updated_at timestamptz NOT NULL DEFAULT dispatch_now(),

    -- Ours: the head of the ticket's audit chain, so that a call appends to it without reading
    -- the trail, and the moments the queue shows.
    chain_seq bigint NOT NULL DEFAULT 0,
    chain_hash text,
    last_event_at timestamptz,
    last_transition_at timestamptz,
    -- The newest step into the states in which the SLA clock stands still.
    clock_stopped_at timestamptz,
    -- Where the default clock starts (CONTRACT.md 9.2). Generated, so that a repair of any
    -- column it depends on moves the deadline with it. The deadline itself is this plus the
    -- policy's target for the priority, so that a change of policy needs no rewrite.
    sla_clock_start timestamptz NOT NULL GENERATED ALWAYS AS (
        CASE
            WHEN confirmed_start IS NOT NULL THEN confirmed_start
            WHEN scheduled_start IS NOT NULL AND state IN (
                'SCHEDULED', 'DISPATCHED', 'ON_SITE', 'IN_PROGRESS', 'ON_HOLD',
                'COMPLETED_PENDING_VERIFICATION', 'VERIFIED', 'INVOICED', 'CLOSED'
            ) THEN scheduled_start
            ELSE created_at
        END
    ) STORED,
    changed_xid xid8 NOT NULL DEFAULT pg_current_xact_id(),

    CHECK (scheduled_end > scheduled_start)
);
-- Every change of a ticket writes to every index here, so each one answers a query that is asked.
-- There is none on account_id: accounts are not deleted, and the queue filters by them as it reads.
CREATE UNIQUE INDEX tickets_source_idx ON tickets (source, source_id) WHERE source IS NOT NULL;
CREATE INDEX tickets_site_idx ON tickets (site_id);
CREATE INDEX tickets_technician_idx ON tickets (assigned_tech_id) WHERE assigned_tech_id IS NOT NULL;
CREATE INDEX tickets_changed_idx ON tickets (changed_xid);
CREATE INDEX tickets_open_clock_idx ON tickets (sla_clock_start)
    WHERE state NOT IN ('CLOSED', 'CANCELLED');
CREATE TRIGGER tickets_stamp_change BEFORE INSERT OR UPDATE ON tickets
    FOR EACH ROW EXECUTE FUNCTION dispatch_stamp_change();

-- The audit trail -----------------------------------------------------------------------

-- No foreign key on ticket_id: an audit trail outlives what it describes.
CREATE TABLE audit_events (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    ticket_id uuid,
    chain text,
    seq bigint,
    actor_type actor_type NOT NULL,
    actor_id text NOT NULL,
    actor_role text,
    tool_name text NOT NULL,
    request_id uuid,
    correlation_id text,
    trace_id text,
    before_state ticket_state,
    after_state ticket_state,
    payload jsonb NOT NULL DEFAULT '{}',
    prev_hash text,
    hash text,
    created_at timestamptz NOT NULL DEFAULT dispatch_now(),
    UNIQUE (chain, seq)
);
CREATE INDEX audit_events_ticket_idx ON audit_events (ticket_id, created_at, id);
-- The promises made on a ticket: few, and asked for whenever another one is made (section 10).
CREATE INDEX audit_events_promise_idx ON audit_events (ticket_id)
    WHERE tool_name IN ('schedule.confirm', 'assignment.dispatch');

-- The heads of the chains that belong to no ticket.
CREATE TABLE audit_chain_heads (
    chain text PRIMARY KEY,
    seq bigint NOT NULL,
    hash text,
    last_event_at timestamptz
);
INSERT INTO audit_chain_heads (chain, seq) VALUES ('system', 0);

-- Exactly the legal steps of CONTRACT.md 2. A function, because the server reads the text of a
-- constraint anew for every statement that inserts, and this one is long; a function is read
-- once a session. A CHECK passes on NULL, hence the COALESCE: an unknown pair fails even when
-- from_state is NULL.
CREATE FUNCTION dispatch_step_is_legal(from_state ticket_state, to_state ticket_state) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN COALESCE(
        CASE
            WHEN from_state IS NULL THEN to_state IN ('NEW', 'TRIAGED', 'READY_TO_SCHEDULE')
            WHEN from_state = 'NEW' THEN to_state IN ('NEEDS_INFO', 'TRIAGED', 'CANCELLED')
            WHEN from_state = 'NEEDS_INFO' THEN to_state IN ('TRIAGED', 'CANCELLED')
            WHEN from_state = 'TRIAGED' THEN
                to_state IN ('APPROVAL_REQUIRED', 'READY_TO_SCHEDULE', 'DISPATCHED', 'CANCELLED')
            WHEN from_state = 'APPROVAL_REQUIRED' THEN
                to_state IN ('TRIAGED', 'READY_TO_SCHEDULE', 'IN_PROGRESS', 'CANCELLED')
            WHEN from_state = 'READY_TO_SCHEDULE' THEN to_state IN ('SCHEDULE_PROPOSED', 'CANCELLED')
            WHEN from_state = 'SCHEDULE_PROPOSED' THEN
                to_state IN ('SCHEDULED', 'PENDING_CUSTOMER_CONFIRMATION', 'CANCELLED')
            WHEN from_state = 'SCHEDULED' THEN
                to_state IN ('SCHEDULE_PROPOSED', 'PENDING_CUSTOMER_CONFIRMATION', 'DISPATCHED', 'CANCELLED')
            WHEN from_state = 'PENDING_CUSTOMER_CONFIRMATION' THEN
                to_state IN ('SCHEDULE_PROPOSED', 'SCHEDULED', 'CANCELLED')
            WHEN from_state = 'DISPATCHED' THEN
                to_state IN ('SCHEDULED', 'ON_SITE', 'ON_HOLD', 'CANCELLED')
            WHEN from_state = 'ON_SITE' THEN
                to_state IN ('SCHEDULED', 'IN_PROGRESS', 'ON_HOLD', 'CANCELLED')
            WHEN from_state = 'IN_PROGRESS' THEN
                to_state IN ('APPROVAL_REQUIRED', 'SCHEDULED', 'ON_HOLD', 'COMPLETED_PENDING_VERIFICATION', 'CANCELLED')
            WHEN from_state = 'ON_HOLD' THEN
                to_state IN ('READY_TO_SCHEDULE', 'SCHEDULED', 'DISPATCHED', 'IN_PROGRESS', 'CANCELLED')
            WHEN from_state = 'COMPLETED_PENDING_VERIFICATION' THEN
                to_state IN ('VERIFIED', 'IN_PROGRESS', 'CLOSED', 'CANCELLED')
            WHEN from_state = 'VERIFIED' THEN
                to_state IN ('IN_PROGRESS', 'INVOICED', 'CLOSED', 'CANCELLED')
            WHEN from_state = 'INVOICED' THEN to_state IN ('IN_PROGRESS', 'CLOSED', 'CANCELLED')
            ELSE false
        END,
        false
    );
END $$;

CREATE TABLE ticket_state_transitions (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    -- No foreign key, as above.
    ticket_id uuid NOT NULL,
    -- The engine numbers its steps from 1; 0 marks a row written by another program.
    step integer NOT NULL DEFAULT 0,
    from_state ticket_state,
    to_state ticket_state NOT NULL,
    audit_event_id uuid,
    created_at timestamptz NOT NULL DEFAULT dispatch_now(),
    CONSTRAINT chk_ticket_state_transition_valid CHECK (dispatch_step_is_legal(from_state, to_state))
);
CREATE INDEX ticket_state_transitions_ticket_idx ON ticket_state_transitions (ticket_id, created_at);

CREATE FUNCTION dispatch_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'insufficient_privilege',
              HINT = 'The audit trail is only ever added to. Correct a mistake with a further event.';
END $$;
CREATE TRIGGER audit_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_events
    FOR EACH STATEMENT EXECUTE FUNCTION dispatch_refuse_change();
CREATE TRIGGER ticket_state_transitions_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON ticket_state_transitions
    FOR EACH STATEMENT EXECUTE FUNCTION dispatch_refuse_change();

-- Events and steps that other programs append move what the queue shows; the engine's own are
-- told apart (they carry a chain, or a step number) and cost nothing here.
CREATE FUNCTION dispatch_note_foreign_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE tickets SET last_event_at = greatest(last_event_at, NEW.created_at)
        WHERE id = NEW.ticket_id;
    RETURN NULL;
END $$;
CREATE TRIGGER audit_events_foreign AFTER INSERT ON audit_events
    FOR EACH ROW WHEN (NEW.chain IS NULL AND NEW.ticket_id IS NOT NULL)
    EXECUTE FUNCTION dispatch_note_foreign_event();

CREATE FUNCTION dispatch_note_foreign_step() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE tickets SET
        last_transition_at = greatest(last_transition_at, NEW.created_at),
        clock_stopped_at = CASE
            WHEN NEW.to_state IN ('COMPLETED_PENDING_VERIFICATION', 'VERIFIED', 'INVOICED', 'CLOSED', 'CANCELLED')
                AND (NEW.from_state IS NULL OR NEW.from_state NOT IN
                    ('COMPLETED_PENDING_VERIFICATION', 'VERIFIED', 'INVOICED', 'CLOSED', 'CANCELLED'))
            THEN greatest(clock_stopped_at, NEW.created_at)
            ELSE clock_stopped_at
        END
        WHERE id = NEW.ticket_id;
    RETURN NULL;
END $$;
CREATE TRIGGER ticket_state_transitions_foreign AFTER INSERT ON ticket_state_transitions
    FOR EACH ROW WHEN (NEW.step = 0) EXECUTE FUNCTION dispatch_note_foreign_step();

-- Exactly once --------------------------------------------------------------------------

-- response_body is json, not jsonb: a replay returns the stored bytes.
CREATE TABLE idempotency_keys (
    actor_id text NOT NULL,
    endpoint text NOT NULL,
    request_id uuid NOT NULL,
    request_hash text NOT NULL,
    response_code integer NOT NULL,
    response_body json NOT NULL,
    created_at timestamptz NOT NULL DEFAULT dispatch_now(),
    PRIMARY KEY (actor_id, endpoint, request_id)
);

CREATE TABLE refused_calls (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    ticket_id uuid,
    actor_type actor_type,
    actor_id text,
    actor_role text,
    tool_name text,
    request_id uuid,
    correlation_id text,
    code text NOT NULL,
    reason text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT dispatch_now()
);
CREATE INDEX refused_calls_created_idx ON refused_calls (created_at);

-- What hangs on a ticket ----------------------------------------------------------------

CREATE TABLE approvals (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    ticket_id uuid NOT NULL REFERENCES tickets (id),
    status approval_status NOT NULL DEFAULT 'PENDING',
    requested_by text NOT NULL,
    requested_at timestamptz NOT NULL DEFAULT dispatch_now(),
    decided_by text,
    decided_at timestamptz,
    approval_type text NOT NULL,
    amount_delta_cents bigint,
    reason text,
    evidence jsonb NOT NULL DEFAULT '{}',
    CHECK ((status = 'PENDING') = (decided_at IS NULL))
);
CREATE INDEX approvals_ticket_idx ON approvals (ticket_id);

CREATE TABLE evidence_items (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    ticket_id uuid NOT NULL REFERENCES tickets (id),
    kind text NOT NULL,
    uri text NOT NULL,
    checksum text,
    metadata jsonb NOT NULL DEFAULT '{}',
    is_immutable boolean NOT NULL DEFAULT false,
    immutable_reason text,
    immutable_by text,
    immutable_request_id uuid,
    immutable_at timestamptz,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT dispatch_now()
);
CREATE INDEX evidence_items_ticket_idx ON evidence_items (ticket_id, created_at, id);

-- Ours: what each accepted completion said, the context in which later gates judge (7.9).
CREATE TABLE completions (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    ticket_id uuid NOT NULL REFERENCES tickets (id),
    audit_event_id uuid NOT NULL,
    checklist_status jsonb NOT NULL,
    no_signature_reason text,
    evidence_refs jsonb,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT dispatch_now()
);
CREATE INDEX completions_ticket_idx ON completions (ticket_id, created_at, id);

CREATE TABLE evidence_exceptions (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    ticket_id uuid NOT NULL REFERENCES tickets (id),
    status text NOT NULL CHECK (status IN ('REQUESTED', 'GRANTED')),
    evidence_refs jsonb NOT NULL DEFAULT '[]',
    exception_reason text NOT NULL,
    expires_at timestamptz,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT dispatch_now()
);
CREATE INDEX evidence_exceptions_ticket_idx ON evidence_exceptions (ticket_id);

CREATE TABLE qa_results (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    ticket_id uuid NOT NULL REFERENCES tickets (id),
    audit_event_id uuid NOT NULL,
    result text NOT NULL CHECK (result IN ('PASS', 'FAIL')),
    notes text,
    verified_at timestamptz NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT dispatch_now()
);
CREATE INDEX qa_results_ticket_idx ON qa_results (ticket_id);

CREATE TABLE assignment_recommendation_snapshots (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    ticket_id uuid NOT NULL REFERENCES tickets (id),
    recommendation_snapshot_id uuid NOT NULL UNIQUE,
    recommended_tech_id text,
    ticket_state ticket_state NOT NULL,
    requested_by text NOT NULL,
    request_id uuid,
    recommendation_limit integer,
    incident_type text,
    site_region text,
    candidates jsonb NOT NULL DEFAULT '[]',
    created_at timestamptz NOT NULL DEFAULT dispatch_now()
);
CREATE INDEX assignment_recommendation_snapshots_ticket_idx
    ON assignment_recommendation_snapshots (ticket_id);

CREATE TABLE dispatch_outbox (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    aggregate_type text NOT NULL,
    aggregate_id text NOT NULL,
    event_type text NOT NULL,
    payload jsonb NOT NULL,
    idempotency_key text NOT NULL UNIQUE,
    status text NOT NULL DEFAULT 'PENDING'
        CHECK (status IN ('PENDING', 'SENT', 'DEAD_LETTER', 'CANCELLED')),
    attempt_count integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT dispatch_now(),
    last_error text,
    created_at timestamptz NOT NULL DEFAULT dispatch_now(),
    updated_at timestamptz NOT NULL DEFAULT dispatch_now()
);
CREATE INDEX dispatch_outbox_due_idx ON dispatch_outbox (next_attempt_at) WHERE status = 'PENDING';
