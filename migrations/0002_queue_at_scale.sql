-- The queue at 100,000 open and 1,000,000 closed tickets: its order kept in one index, words found
-- by an index of their own, and a change feed that reads exactly what is new. All of it is ours;
-- CONTRACT.md 9.2 says what the order is.

-- The order of the queue ------------------------------------------------------------------

-- The numbers of the policy that decide where a ticket stands. Here, because the order is kept by
-- the database, also when a ticket is repaired by hand; whoever changes them places every ticket
-- anew. A test compares them with the policy.
CREATE TABLE queue_clock (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    emergency_minutes integer NOT NULL,
    urgent_minutes integer NOT NULL,
    routine_minutes integer NOT NULL,
    warning_minutes integer NOT NULL
);
INSERT INTO queue_clock (emergency_minutes, urgent_minutes, routine_minutes, warning_minutes)
VALUES (60, 240, 1440, 45);

ALTER TABLE tickets
    -- 0 while the clock runs; where it stands still, what it says does not depend on the moment:
    -- 1 breach, 2 warning, 3 healthy. The same plus 3 once the ticket is closed or cancelled, so that
    -- a million of those lie in nobody's way.
    ADD COLUMN queue_class smallint,
    ADD COLUMN sla_deadline timestamptz,
    -- The deadline in whole minutes since 1970, the region's weight, and the newest event in
    -- milliseconds, negated: so every part of the order ascends.
    ADD COLUMN queue_minute bigint,
    ADD COLUMN region_weight integer,
    ADD COLUMN queue_update bigint;
-- Set by the trigger below, as the columns that follow from it.
ALTER TABLE tickets ALTER COLUMN sla_clock_start DROP EXPRESSION;

-- Puts a ticket in its place, whoever changes it and however, and stamps the change.
CREATE FUNCTION dispatch_place_ticket() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    clock queue_clock;
    remaining interval;
BEGIN
    NEW.changed_xid := pg_current_xact_id();
    -- Read under locks for which a change of the site or technician waits, and then finds this ticket.
    IF TG_OP = 'INSERT' OR NEW.site_id <> OLD.site_id THEN
        SELECT s.region_weight INTO NEW.region_weight FROM sites s WHERE s.id = NEW.site_id FOR SHARE;
    END IF;
    IF NEW.assigned_tech_id IS NOT NULL AND (TG_OP = 'INSERT' OR NEW.assigned_tech_id IS DISTINCT FROM OLD.assigned_tech_id)
    THEN
        PERFORM FROM technicians WHERE id = NEW.assigned_tech_id FOR SHARE;
    END IF;
    NEW.queue_update := -floor(extract(epoch FROM
        least(greatest(COALESCE(NEW.last_event_at, NEW.updated_at), '0001-01-01Z'), '9999-01-01Z')) * 1000);
    -- Where the default clock starts (CONTRACT.md 9.2).
    NEW.sla_clock_start := CASE
        WHEN NEW.confirmed_start IS NOT NULL THEN NEW.confirmed_start
        WHEN NEW.scheduled_start IS NOT NULL AND NEW.state IN (
            'SCHEDULED', 'DISPATCHED', 'ON_SITE', 'IN_PROGRESS', 'ON_HOLD',
            'COMPLETED_PENDING_VERIFICATION', 'VERIFIED', 'INVOICED', 'CLOSED'
        ) THEN NEW.scheduled_start
        ELSE NEW.created_at
    END;
    SELECT * INTO clock FROM queue_clock;
    -- To the millisecond, as it is read.
    NEW.sla_deadline := date_trunc('milliseconds', least(greatest(NEW.sla_clock_start, '0001-01-01Z'), '9999-01-01Z'))
        + make_interval(mins => CASE NEW.priority
            WHEN 'EMERGENCY' THEN clock.emergency_minutes
            WHEN 'URGENT' THEN clock.urgent_minutes
            ELSE clock.routine_minutes
        END);
    NEW.queue_minute := floor(extract(epoch FROM NEW.sla_deadline) / 60);
    IF NEW.state IN ('COMPLETED_PENDING_VERIFICATION', 'VERIFIED', 'INVOICED', 'CLOSED', 'CANCELLED') THEN
        remaining := NEW.sla_deadline - date_trunc('milliseconds',
            least(greatest(COALESCE(NEW.clock_stopped_at, NEW.updated_at), '0001-01-01Z'), '9999-01-01Z'));
        NEW.queue_class := CASE
            WHEN remaining < interval '0' THEN 1
            WHEN remaining <= make_interval(mins => clock.warning_minutes) THEN 2
            ELSE 3
        END + CASE WHEN NEW.state IN ('CLOSED', 'CANCELLED') THEN 3 ELSE 0 END;
    ELSE
        NEW.queue_class := 0;
    END IF;
    RETURN NEW;
END $$;
DROP TRIGGER tickets_stamp_change ON tickets;
CREATE TRIGGER tickets_place BEFORE INSERT OR UPDATE ON tickets
    FOR EACH ROW EXECUTE FUNCTION dispatch_place_ticket();
UPDATE tickets SET region_weight = s.region_weight FROM sites s WHERE s.id = tickets.site_id;
ALTER TABLE tickets
    ALTER COLUMN queue_class SET NOT NULL,
    ALTER COLUMN sla_deadline SET NOT NULL,
    ALTER COLUMN queue_minute SET NOT NULL,
    ALTER COLUMN region_weight SET NOT NULL,
    ALTER COLUMN queue_update SET NOT NULL;

CREATE FUNCTION dispatch_site_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE tickets SET region_weight = NEW.region_weight WHERE site_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER sites_moved AFTER UPDATE ON sites
    FOR EACH ROW WHEN (OLD.region_weight <> NEW.region_weight) EXECUTE FUNCTION dispatch_site_moved();

-- One index holds the whole order; the state comes last, so that tickets in a rare one are found
-- without looking at the others' rows.
DROP INDEX tickets_open_clock_idx;
CREATE INDEX tickets_queue_idx ON tickets
    (queue_class, queue_minute, priority, region_weight, queue_update, id, state);

-- A technician's tickets, a site's and an account's, by state: what a technician has open is counted in the index.
DROP INDEX tickets_technician_idx;
CREATE INDEX tickets_technician_idx ON tickets (assigned_tech_id, state) WHERE assigned_tech_id IS NOT NULL;
DROP INDEX tickets_site_idx;
CREATE INDEX tickets_site_idx ON tickets (site_id, state);
CREATE INDEX tickets_account_idx ON tickets (account_id, state);

-- Words -----------------------------------------------------------------------------------

-- The words of a text, in lower case, cut at ASCII punctuation and white space; only their
-- beginnings count. In plpgsql like all that a trigger calls: its plans are kept for the session.
CREATE FUNCTION dispatch_words(said text) RETURNS text[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN ARRAY(
        SELECT left(word, 60)
        FROM unnest(regexp_split_to_array(lower(left(said, 20000)), '[\x01-\x2f:-@\x5b-\x60\x7b-\x7f\s]+')) word
        WHERE word <> '');
END $$;

-- The digits of a phone number from each place on, so that its beginning, its end or any part of it
-- is the beginning of a word.
CREATE FUNCTION dispatch_phone_words(phone text) RETURNS text[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    digits text := left(regexp_replace(phone, '[^0-9]', '', 'g'), 20);
    words text[] := '{}';
BEGIN
    IF digits <> '' THEN
        FOR place IN 1..greatest(length(digits) - 2, 1) LOOP
            words := words || substr(digits, place);
        END LOOP;
    END IF;
    RETURN words;
END $$;

-- What a ticket is found by. A table of its own: a ticket's row changes with every command, and
-- would be indexed by its words anew each time. The open ones have an index of their own, a small one,
-- since they are what a search shows first.
CREATE TABLE ticket_words (
    ticket_id uuid PRIMARY KEY,
    is_open boolean NOT NULL,
    words tsvector NOT NULL
);

CREATE FUNCTION dispatch_words_of_ticket(t tickets) RETURNS tsvector LANGUAGE plpgsql STABLE AS $$
DECLARE
    site text := (SELECT concat_ws(' ', name, address1, address2, city) FROM sites WHERE id = t.site_id);
    technician text := (SELECT name FROM technicians WHERE id = t.assigned_tech_id);
BEGIN
    RETURN array_to_tsvector(
        -- The number also as a whole: of `T-10423` alone, `T` would be the beginning of a million words.
        lower(t.number) || dispatch_words(concat_ws(' ', t.number, t.summary, t.incident_type, t.customer_name, t.customer_email,
            site, technician, left(t.description, 10000)))
        || dispatch_phone_words(t.customer_phone));
END $$;

CREATE FUNCTION dispatch_note_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ticket_words (ticket_id, is_open, words)
        VALUES (NEW.id, NEW.state NOT IN ('CLOSED', 'CANCELLED'), dispatch_words_of_ticket(NEW))
        ON CONFLICT (ticket_id) DO UPDATE SET is_open = EXCLUDED.is_open, words = EXCLUDED.words;
    RETURN NULL;
END $$;
CREATE TRIGGER tickets_words_new AFTER INSERT ON tickets
    FOR EACH ROW EXECUTE FUNCTION dispatch_note_words();
CREATE TRIGGER tickets_words AFTER UPDATE ON tickets FOR EACH ROW
    WHEN ((OLD.number, OLD.summary, OLD.incident_type, OLD.customer_name, OLD.customer_email, OLD.customer_phone,
        OLD.site_id, OLD.assigned_tech_id, OLD.description, OLD.state IN ('CLOSED', 'CANCELLED')) IS DISTINCT FROM
        (NEW.number, NEW.summary, NEW.incident_type, NEW.customer_name, NEW.customer_email, NEW.customer_phone,
        NEW.site_id, NEW.assigned_tech_id, NEW.description, NEW.state IN ('CLOSED', 'CANCELLED')))
    EXECUTE FUNCTION dispatch_note_words();

-- Locked first and read then, so that no change of a ticket in between is lost.
CREATE FUNCTION dispatch_note_site_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM tickets WHERE site_id = NEW.id FOR SHARE;
    UPDATE ticket_words w SET words = dispatch_words_of_ticket(t)
        FROM tickets t WHERE t.site_id = NEW.id AND w.ticket_id = t.id;
    RETURN NULL;
END $$;
CREATE TRIGGER sites_words AFTER UPDATE ON sites FOR EACH ROW
    WHEN ((OLD.name, OLD.address1, OLD.address2, OLD.city) IS DISTINCT FROM
        (NEW.name, NEW.address1, NEW.address2, NEW.city))
    EXECUTE FUNCTION dispatch_note_site_words();

CREATE FUNCTION dispatch_note_technician_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM tickets WHERE assigned_tech_id = NEW.id FOR SHARE;
    UPDATE ticket_words w SET words = dispatch_words_of_ticket(t)
        FROM tickets t WHERE t.assigned_tech_id = NEW.id AND w.ticket_id = t.id;
    RETURN NULL;
END $$;
CREATE TRIGGER technicians_words AFTER UPDATE ON technicians FOR EACH ROW
    WHEN (OLD.name IS DISTINCT FROM NEW.name) EXECUTE FUNCTION dispatch_note_technician_words();

INSERT INTO ticket_words (ticket_id, is_open, words)
    SELECT t.id, t.state NOT IN ('CLOSED', 'CANCELLED'), dispatch_words_of_ticket(t) FROM tickets t
    ON CONFLICT DO NOTHING;
CREATE INDEX ticket_words_open_idx ON ticket_words USING gin (words) WHERE is_open;
CREATE INDEX ticket_words_closed_idx ON ticket_words USING gin (words) WHERE NOT is_open;

-- The change feed -------------------------------------------------------------------------

-- A new name of an account shows on its tickets' rows.
ALTER TABLE accounts ADD COLUMN changed_xid xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE INDEX accounts_changed_idx ON accounts (changed_xid);
CREATE TRIGGER accounts_stamp_change BEFORE INSERT OR UPDATE ON accounts
    FOR EACH ROW EXECUTE FUNCTION dispatch_stamp_change();

-- Tickets that were deleted by hand: the engine deletes none, but what shows one must hear of it.
CREATE TABLE deleted_tickets (
    ticket_id uuid PRIMARY KEY,
    account_id uuid NOT NULL,
    site_id uuid NOT NULL,
    changed_xid xid8 NOT NULL DEFAULT pg_current_xact_id()
);
CREATE INDEX deleted_tickets_changed_idx ON deleted_tickets (changed_xid);
CREATE FUNCTION dispatch_note_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM ticket_words WHERE ticket_id = OLD.id;
    INSERT INTO deleted_tickets (ticket_id, account_id, site_id) VALUES (OLD.id, OLD.account_id, OLD.site_id)
        ON CONFLICT (ticket_id) DO UPDATE SET changed_xid = pg_current_xact_id();
    RETURN NULL;
END $$;
CREATE TRIGGER tickets_deleted AFTER DELETE ON tickets
    FOR EACH ROW EXECUTE FUNCTION dispatch_note_deleted();
