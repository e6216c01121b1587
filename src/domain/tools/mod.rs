//! The toolset, one file a tool: its row of CONTRACT.md 3, its payload, its rule, its tests.

pub mod approval_decide;
pub mod assignment_dispatch;
pub mod billing_generate_invoice;
pub mod case_get;
pub mod closeout_add_evidence;
pub mod closeout_list_evidence;
pub mod directory_search;
pub mod directory_upsert;
pub mod dispatcher_cockpit;
pub mod qa_verify;
pub mod schedule_confirm;
pub mod schedule_propose;
pub mod tech_check_in;
pub mod tech_complete;
pub mod tech_request_change;
pub mod ticket_cancel;
pub mod ticket_close;
pub mod ticket_create;
pub mod ticket_get;
pub mod ticket_timeline;
pub mod ticket_triage;

use super::case::CaseFile;
use super::refusal::Refusal;
use super::ticket::StoredTicket;

/// The ticket of a case file. Judging has found it to exist before any rule asks for it.
fn ticket_of(case: &CaseFile) -> Result<&StoredTicket, Refusal> {
    case.ticket.as_ref().ok_or_else(|| Refusal::ticket_not_found("of this call"))
}
