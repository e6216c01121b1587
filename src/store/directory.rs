//! Looking up master data.

use serde_json::{Map, Value};
use sqlx::types::Json;
use sqlx::{AssertSqlSafe, Row};
use uuid::Uuid;

use super::{Store, StoreError};
use crate::domain::actor::Scope;
use crate::domain::directory::Kind;

/// What to look for.
#[derive(Debug)]
pub struct Lookup<'a> {
    pub kind: Kind,
    /// Words; all of them must be found.
    pub words: Vec<String>,
    /// Exactly this record.
    pub id: Option<&'a str>,
    pub account_id: Option<Uuid>,
    pub site_id: Option<Uuid>,
    pub scope: &'a Scope,
    pub limit: u32,
    /// Name and id of the last record of the page before.
    pub after: Option<(String, String)>,
}

/// The texts a record of a kind is found by, and whose it is.
const fn shape(kind: Kind) -> (&'static str, &'static str, &'static str, &'static str) {
    match kind {
        Kind::Accounts => ("r.name", "r.id", "NULL::uuid", "r.name"),
        Kind::Sites => (
            "concat_ws(' ', r.name, r.address1, r.address2, r.city, r.region, r.postal_code)",
            "r.account_id",
            "r.id",
            "r.name",
        ),
        Kind::Contacts => (
            "concat_ws(' ', r.name, r.phone, r.email, r.role)",
            "COALESCE(r.account_id, (SELECT account_id FROM sites WHERE id = r.site_id))",
            "r.site_id",
            "r.name",
        ),
        Kind::Assets => (
            "concat_ws(' ', r.tag, r.type, r.make, r.model, r.serial)",
            "(SELECT account_id FROM sites WHERE id = r.site_id)",
            "r.site_id",
            "concat_ws(' ', r.type, r.tag)",
        ),
        Kind::Technicians => ("concat_ws(' ', r.id, r.name, r.home_region)", "NULL::uuid", "NULL::uuid", "r.name"),
    }
}

/// A word as a LIKE pattern that finds it anywhere, its wildcards taken literally.
pub fn pattern(word: &str) -> String {
    let mut pattern = String::from("%");
    for c in word.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

/// A technician `r` with their lists, as one JSON object.
pub(super) const TECHNICIAN_RECORD: &str = "to_jsonb(r) || jsonb_build_object(\
    'skills', ARRAY(SELECT skill FROM technician_skills WHERE technician_id = r.id ORDER BY skill), \
    'regions', ARRAY(SELECT region FROM technician_regions WHERE technician_id = r.id ORDER BY region), \
    'availability', COALESCE((SELECT jsonb_agg(jsonb_build_object('weekday', weekday, \
        'start_time', start_time, 'end_time', end_time) ORDER BY weekday, start_time) \
        FROM technician_availability WHERE technician_id = r.id), '[]'))";

/// What a technician has open: assigned to them, and their part not done (CONTRACT.md 7.6). Counted
/// in `tickets_technician_idx` alone.
const ACTIVE_LOAD: &str = "jsonb_build_object('active_load', (SELECT count(*) FROM tickets k \
    WHERE k.assigned_tech_id = r.id AND k.state IN ('NEW', 'NEEDS_INFO', 'TRIAGED', 'APPROVAL_REQUIRED', \
    'READY_TO_SCHEDULE', 'SCHEDULE_PROPOSED', 'SCHEDULED', 'PENDING_CUSTOMER_CONFIRMATION', 'DISPATCHED', 'ON_SITE', \
    'IN_PROGRESS', 'ON_HOLD')))";

impl Store {
    /// The records found, by name, with the sort key of each.
    pub async fn lookup(&self, lookup: &Lookup<'_>) -> Result<Vec<(String, Map<String, Value>)>, StoreError> {
        let kind = lookup.kind;
        let (text, account, site, name) = shape(kind);
        let record = match kind {
            Kind::Technicians => format!("{TECHNICIAN_RECORD} || {ACTIVE_LOAD}"),
            _ => "to_jsonb(r)".to_owned(),
        };
        // Technicians belong to nobody's account; scope leaves them visible.
        let scoped = if kind == Kind::Technicians {
            "true".to_owned()
        } else {
            format!(
                "($4::uuid[] IS NULL OR {account} = ANY($4)) AND \
                 ($5::uuid[] IS NULL OR {site} IS NULL OR {site} = ANY($5))"
            )
        };
        let sql = format!(
            "SELECT {record} AS record, lower({name}) AS sort FROM {kind} r \
             WHERE (SELECT COALESCE(bool_and({text} ILIKE p), true) FROM unnest($1::text[]) p) \
             AND ($2::uuid IS NULL OR {account} = $2) AND ($3::uuid IS NULL OR {site} = $3) AND {scoped} \
             AND ($9::text IS NULL OR r.id::text = CASE WHEN $10 THEN lower($9) ELSE $9 END) \
             AND ($6::text IS NULL OR (lower({name}), r.id::text) > ($6, $7)) \
             ORDER BY lower({name}), r.id::text LIMIT $8"
        );
        let (after_name, after_id) = lookup.after.clone().unzip();
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(lookup.words.iter().map(|word| pattern(word)).collect::<Vec<_>>())
            .bind(lookup.account_id)
            .bind(lookup.site_id)
            .bind(lookup.scope.accounts.ids())
            .bind(lookup.scope.sites.ids())
            .bind(after_name)
            .bind(after_id)
            .bind(i64::from(lookup.limit))
            .bind(lookup.id)
            .bind(kind != Kind::Technicians)
            .fetch_all(&self.pool)
            .await?;
        rows.into_iter()
            .map(|row| {
                let Json(mut record): Json<Map<String, Value>> = row.try_get("record")?;
                for internal in ["changed_xid", "region_weight"] {
                    record.shift_remove(internal);
                }
                Ok((row.try_get("sort")?, record))
            })
            .collect()
    }
}
