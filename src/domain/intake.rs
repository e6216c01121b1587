//! What stands between a ticket that came in blind and its scheduling (CONTRACT.md 7.1).

use serde_json::json;

use super::policy::Policy;
use super::refusal::{Code, Refusal};
use super::ticket::Ticket;

/// Refuses a ticket from blind intake whose identity or classification is doubtful, or whose
/// hand-off nobody has acknowledged. A ticket without an identity signature did not come in blind.
pub fn may_be_scheduled(ticket: &Ticket, acknowledged_now: bool, policy: &Policy) -> Result<(), Refusal> {
    let Some(signature) = &ticket.identity_signature else { return Ok(()) };
    let evidence = json!({"source": "ticket.blind_intake", "identity_signature": signature});
    let limits = &policy.confidence;
    if ticket.identity_confidence < limits.identity_threshold {
        return Err(Refusal::new(
            Code::LowIdentityConfidence,
            format!(
                "Who is calling is only {} % certain; {} % is needed. Confirm the caller's identity first.",
                ticket.identity_confidence, limits.identity_threshold
            ),
        )
        .with("evidence", evidence)
        .with("identity_confidence", ticket.identity_confidence)
        .with("identity_threshold", limits.identity_threshold));
    }
    if ticket.classification_confidence < limits.classification_threshold {
        return Err(Refusal::new(
            Code::LowClassificationConfidence,
            format!(
                "What is broken is only {} % certain; {} % is needed. Confirm the incident first.",
                ticket.classification_confidence, limits.classification_threshold
            ),
        )
        .with("evidence", evidence)
        .with("classification_confidence", ticket.classification_confidence)
        .with("classification_threshold", limits.classification_threshold));
    }
    if ticket.sop_handoff_required && !(acknowledged_now || ticket.sop_handoff_acknowledged) {
        return Err(Refusal::new(
            Code::SopHandoffRequired,
            "The hand-off of this intake has not been acknowledged. Read the prompt, then triage with sop_handoff_acknowledged.",
        )
        .with("evidence", evidence)
        .with("sop_handoff_prompt", &ticket.sop_handoff_prompt)
        .with("identity_signature", signature));
    }
    Ok(())
}
