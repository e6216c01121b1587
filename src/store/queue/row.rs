//! What a row of the queue consists of, and reading it.

use sqlx::Row as _;
use sqlx::postgres::PgRow;

use super::place::Place;
use crate::domain::queue::RawRow;
use crate::domain::state::State;
use crate::domain::words::Priority;
use crate::store::StoreError;
use crate::store::moment::Moment;

/// The columns of a row: `t` its ticket, `s` site, `a` account, `m` technician. Words as text, which
/// is read without asking the server for its types.
pub(super) const COLUMNS: &str = "t.id, t.number, t.account_id, a.name AS account_name, t.state::text AS state, \
    t.priority::text AS priority, t.incident_type, t.summary, t.site_id, s.name AS site_name, s.city AS site_city, \
    s.region AS site_region, t.region_weight, t.assigned_tech_id, m.name AS assigned_tech_name, \
    t.assigned_provider_id, t.scheduled_start, t.created_at, t.updated_at, t.last_event_at, t.last_transition_at, \
    t.clock_stopped_at, t.sla_clock_start, t.version, t.chain_seq, t.queue_minute, t.queue_update, \
    concat_ws('.', t.changed_xid, s.changed_xid, a.changed_xid, m.changed_xid) AS change";

/// What stands beside the ticket in a row.
pub(super) const BESIDE: &str = "JOIN sites s ON s.id = t.site_id JOIN accounts a ON a.id = t.account_id \
    LEFT JOIN technicians m ON m.id = t.assigned_tech_id";

/// Reads rows that carry [`COLUMNS`] and nothing of the order.
pub(super) fn read(row: &PgRow) -> Result<RawRow, StoreError> {
    let moment = |name: &str| row.try_get::<Option<Moment>, _>(name).map(|at| at.map(|Moment(at)| at));
    let required = |name: &str| row.try_get::<Moment, _>(name).map(|Moment(at)| at);
    let word = |name: &str| sqlx::Error::Decode(format!("{name} holds a word that this program does not know").into());
    Ok(RawRow {
        ticket_id: row.try_get("id")?,
        number: row.try_get("number")?,
        account_id: row.try_get("account_id")?,
        account_name: row.try_get("account_name")?,
        state: State::parse(row.try_get("state")?).ok_or_else(|| word("state"))?,
        priority: Priority::parse(row.try_get("priority")?).ok_or_else(|| word("priority"))?,
        incident_type: row.try_get("incident_type")?,
        summary: row.try_get("summary")?,
        site_id: row.try_get("site_id")?,
        site_name: row.try_get("site_name")?,
        site_city: row.try_get("site_city")?,
        site_region: row.try_get("site_region")?,
        region_weight: row.try_get("region_weight")?,
        assigned_tech_id: row.try_get("assigned_tech_id")?,
        assigned_tech_name: row.try_get("assigned_tech_name")?,
        assigned_provider_id: row.try_get("assigned_provider_id")?,
        scheduled_start: moment("scheduled_start")?,
        created_at: required("created_at")?,
        updated_at: required("updated_at")?,
        last_event_at: moment("last_event_at")?,
        last_transition_at: moment("last_transition_at")?,
        clock_stopped_at: moment("clock_stopped_at")?,
        sla_clock_start: required("sla_clock_start")?,
        version: row.try_get("version")?,
        chain_seq: row.try_get("chain_seq")?,
        change: row.try_get("change")?,
    })
}

/// Reads rows that carry [`COLUMNS`] and the segment they stand in, each with its place.
pub(super) fn read_all(rows: &[PgRow]) -> Result<Vec<(RawRow, Place)>, StoreError> {
    rows.iter()
        .map(|row| {
            let raw = read(row)?;
            let place = Place {
                segment: row.try_get("segment")?,
                minute: row.try_get("queue_minute")?,
                priority: raw.priority,
                weight: raw.region_weight,
                update: row.try_get("queue_update")?,
                id: raw.ticket_id,
            };
            Ok((raw, place))
        })
        .collect()
}
