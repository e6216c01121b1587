//! The record of refused calls: outside every rolled-back transaction, without payload
//! (CONTRACT.md 5). A flood is sampled; rows are kept for 90 days.

use std::sync::Mutex;
use std::time::Instant;

use uuid::Uuid;

use super::{Store, StoreError};
use crate::domain::actor::Actor;
use crate::domain::refusal::Refusal;

/// What is recorded of a refusal.
#[derive(Debug)]
pub struct RefusedCall<'a> {
    pub actor: &'a Actor,
    pub tool: &'a str,
    pub ticket_id: Option<Uuid>,
    pub request_id: Option<Uuid>,
    pub correlation_id: Option<&'a str>,
    pub refusal: &'a Refusal,
}

/// Lets through what a person or a script causes, and one in a hundred of a flood.
#[derive(Debug)]
pub struct Sampler(Mutex<(Instant, f64, u32)>);

/// Rows a second that are all kept, and how many may come at once.
const RATE: f64 = 50.0;
const BURST: f64 = 500.0;

impl Default for Sampler {
    fn default() -> Self {
        Self(Mutex::new((Instant::now(), BURST, 0)))
    }
}

impl Sampler {
    /// Whether this one is kept.
    pub fn keeps(&self) -> bool {
        let mut state = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let (last, tokens, skipped) = *state;
        let tokens = (tokens + last.elapsed().as_secs_f64() * RATE).min(BURST);
        let (keep, tokens, skipped) =
            if tokens >= 1.0 { (true, tokens - 1.0, 0) } else { (skipped % 100 == 99, tokens, skipped + 1) };
        *state = (Instant::now(), tokens, skipped);
        keep
    }
}

impl Store {
    /// Records a refusal, and removes a few that are too old.
    pub async fn record_refusal(&self, call: &RefusedCall<'_>) -> Result<(), StoreError> {
        let reason: String =
            call.refusal.message().chars().map(|c| if c.is_control() { ' ' } else { c }).take(500).collect();
        sqlx::query(
            "WITH old AS (DELETE FROM refused_calls WHERE id IN \
                (SELECT id FROM refused_calls WHERE created_at < now() - interval '90 days' \
                 ORDER BY created_at LIMIT 100)) \
             INSERT INTO refused_calls (ticket_id, actor_type, actor_id, actor_role, tool_name, request_id, \
                correlation_id, code, reason) \
             VALUES ($1, $2::text::actor_type, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(call.ticket_id)
        .bind(call.actor.actor_type.as_str())
        .bind(&call.actor.id)
        .bind(call.actor.role.as_str())
        .bind(call.tool)
        .bind(call.request_id)
        .bind(call.correlation_id)
        .bind(call.refusal.code().as_str())
        .bind(reason)
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_sampled() {
        let sampler = Sampler::default();
        let kept = (0..10_000).filter(|_| sampler.keeps()).count();
        assert!((500..800).contains(&kept), "{kept} of 10,000 were kept");
    }
}
