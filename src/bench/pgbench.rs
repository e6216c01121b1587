//! The yardstick of `bench calls`: the server's own load generator, writing the rows of one call
//! as one prepared statement a transaction.

use std::path::PathBuf;
use std::process::Stdio;

use serde_json::json;
use sqlx::PgPool;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::BenchError;
use super::scratch::YARDSTICK;
use crate::store::local::{APP, Cluster};

/// Tickets that the yardstick moves, so that its clients hardly ever wait for one another.
const TICKETS: u32 = 10_000;

/// The five rows of a call in one statement: a ticket, its audit event, step, stored answer and
/// message, as wide as ours. What a client would have to send is sent: the payload and the reply
/// are bound (`-D`), not part of the text.
const SCRIPT: &str = "\\set n random(1, :tickets)
WITH ticket AS (
    UPDATE tickets SET state = 'SCHEDULED', version = version + 1, updated_at = now(), chain_seq = chain_seq + 1,
        chain_hash = :hash, last_event_at = now(), last_transition_at = now()
    WHERE id = ('00000000-0000-7000-8000-' || lpad((:n)::text, 12, '0'))::uuid RETURNING id, chain_seq
), event AS (
    INSERT INTO audit_events (id, ticket_id, chain, seq, actor_type, actor_id, actor_role, tool_name, request_id,
        before_state, after_state, payload, prev_hash, hash, created_at)
    SELECT gen_random_uuid(), id, id::text, chain_seq, 'HUMAN', 'maria', 'dispatcher', 'schedule.propose',
        gen_random_uuid(), 'SCHEDULED', 'SCHEDULE_PROPOSED', (:payload)::jsonb, :hash, :hash, now() FROM ticket
), step AS (
    INSERT INTO ticket_state_transitions (id, ticket_id, step, from_state, to_state, audit_event_id, created_at)
    SELECT gen_random_uuid(), id, 1, 'SCHEDULED', 'SCHEDULE_PROPOSED', gen_random_uuid(), now() FROM ticket
), answer AS (
    INSERT INTO idempotency_keys (actor_id, endpoint, request_id, request_hash, response_code, response_body, created_at)
    SELECT 'maria', 'POST /tickets/{ticketId}/schedule/propose', gen_random_uuid(), :hash, 200, (:reply)::json, now()
    FROM ticket
)
INSERT INTO dispatch_outbox (id, aggregate_type, aggregate_id, event_type, payload, idempotency_key, created_at)
SELECT gen_random_uuid(), 'ticket', id::text, 'schedule.proposed', (:payload)::jsonb, gen_random_uuid()::text, now()
FROM ticket;
";

/// What the script works on: one account, one site, and tickets that are old enough to be moved.
const SEED: &str = "
WITH account AS (INSERT INTO accounts (name) VALUES ('Yardstick') RETURNING id),
site AS (
    INSERT INTO sites (account_id, name, address1, city, region)
    SELECT id, 'Pier 9', 'Pier 9', 'San Francisco', 'CA' FROM account RETURNING id, account_id
)
INSERT INTO tickets (id, account_id, site_id, state, summary, incident_type, customer_phone, customer_email)
SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, account_id, id, 'SCHEDULED', 'Closer slams',
    'CLOSER_LEAKING_OR_SLAMMING', '415 555 0199', 'ops@harbor.example'
FROM site, generate_series(1, $1) n";

/// The load generator, ready to run.
#[derive(Debug)]
pub struct Pgbench {
    program: PathBuf,
    url: String,
    defines: Vec<String>,
}

impl Pgbench {
    /// Finds the program. Before anything else is done, since without it there is no ratio.
    pub async fn find(cluster: &Cluster) -> Result<Self, BenchError> {
        let directory = cluster.status().await?.bin_dir;
        let program = directory.as_ref().map(|directory| directory.join("pgbench")).filter(|path| path.is_file());
        let Some(program) = program else {
            let looked = directory.map(|directory| format!(", in {}", directory.display())).unwrap_or_default();
            return Err(BenchError::NoPgbench(looked));
        };
        let defines = vec![
            format!("tickets={TICKETS}"),
            format!("hash={}", "5f".repeat(32)),
            format!("payload={}", json!({"request": {"options": filled(8)}, "policy": {"hash": "5f".repeat(32)}})),
            format!("reply={}", json!({"ticket": filled(15)})),
        ];
        Ok(Self { program, url: cluster.url(YARDSTICK, APP), defines })
    }

    /// Puts into the yardstick's database what the script works on.
    pub async fn fill(pool: &PgPool) -> Result<(), BenchError> {
        sqlx::query(SEED).bind(i64::from(TICKETS)).execute(pool).await?;
        sqlx::raw_sql("ANALYZE tickets").execute(pool).await?;
        Ok(())
    }

    /// Runs with so many clients for so long; the transactions a second.
    pub async fn run(&self, clients: u32, seconds: u64) -> Result<f64, BenchError> {
        let mut command = Command::new(&self.program);
        command.args(["-n", "-M", "prepared", "-f", "-", "-c", &clients.to_string(), "-T", &seconds.to_string()]);
        command.args(["-j", &clients.min(2).to_string()]);
        for define in &self.defines {
            command.args(["-D", define]);
        }
        command.arg(&self.url).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let failed = |error: std::io::Error| BenchError::Pgbench(error.to_string());
        let mut child = command.spawn().map_err(failed)?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(SCRIPT.as_bytes()).await.map_err(failed)?;
        }
        let output = child.wait_with_output().await.map_err(failed)?;
        let said = String::from_utf8_lossy(&output.stdout);
        match rate(&said).filter(|_| output.status.success()) {
            Some(rate) => Ok(rate),
            None => Err(BenchError::Pgbench(String::from_utf8_lossy(&output.stderr).trim().to_owned())),
        }
    }
}

/// Fields of some 65 bytes each.
fn filled(fields: usize) -> serde_json::Value {
    (0..fields).map(|n| (format!("field_{n:02}"), json!("a value about as wide as ours are, or a timestamp"))).collect()
}

/// Reads `tps = 3701.2 (without initial connection time)`.
fn rate(said: &str) -> Option<f64> {
    said.lines().find_map(|line| line.strip_prefix("tps = "))?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_read_and_rows_are_as_wide_as_said() {
        assert_eq!(rate("x\ntps = 3701.25 (without initial connection time)\n"), Some(3701.25));
        assert_eq!(rate("pgbench: error"), None);
        assert!((500..700).contains(&filled(8).to_string().len()));
        assert!((900..1100).contains(&filled(15).to_string().len()));
    }
}
