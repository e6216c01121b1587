//! The closed toolset: one line registers a tool. Everything that lists, checks, routes or
//! documents tools reads it from here (CONTRACT.md 3).

use std::sync::LazyLock;

use super::tool::Tool;
use super::tools::{
    approval_decide, assignment_dispatch, billing_generate_invoice, case_get, closeout_add_evidence,
    closeout_list_evidence, directory_search, directory_upsert, dispatcher_cockpit, qa_verify, schedule_confirm,
    schedule_propose, tech_check_in, tech_complete, tech_request_change, ticket_cancel, ticket_close, ticket_create,
    ticket_get, ticket_timeline, ticket_triage,
};

static TOOLS: LazyLock<Vec<Tool>> = LazyLock::new(|| {
    vec![
        Tool::command::<ticket_create::TicketCreate>(),
        Tool::command::<ticket_triage::TicketTriage>(),
        Tool::command::<schedule_propose::SchedulePropose>(),
        Tool::command::<schedule_confirm::ScheduleConfirm>(),
        Tool::command::<assignment_dispatch::AssignmentDispatch>(),
        Tool::command::<tech_check_in::TechCheckIn>(),
        Tool::command::<tech_request_change::TechRequestChange>(),
        Tool::command::<approval_decide::ApprovalDecide>(),
        Tool::command::<closeout_add_evidence::CloseoutAddEvidence>(),
        Tool::command::<tech_complete::TechComplete>(),
        Tool::command::<qa_verify::QaVerify>(),
        Tool::command::<billing_generate_invoice::BillingGenerateInvoice>(),
        Tool::command::<ticket_close::TicketClose>(),
        Tool::command::<ticket_cancel::TicketCancel>(),
        directory_upsert::tool(),
        Tool::read::<ticket_get::TicketGet>(),
        Tool::read::<ticket_timeline::TicketTimeline>(),
        Tool::read::<closeout_list_evidence::CloseoutListEvidence>(),
        Tool::read::<case_get::CaseGet>(),
        Tool::read::<directory_search::DirectorySearch>(),
        Tool::read::<dispatcher_cockpit::DispatcherCockpit>(),
    ]
});

/// Every tool, in the contract's order.
pub fn tools() -> &'static [Tool] {
    &TOOLS
}

/// A tool by name; chat clients spell it with underscores.
pub fn find(name: &str) -> Option<&'static Tool> {
    tools().iter().find(|tool| tool.spec.name == name || tool.spec.name.replace('.', "_") == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::directory::Kind;
    use crate::domain::payload::Validator;
    use std::collections::BTreeSet;

    #[test]
    fn names_and_routes_are_unique() {
        let names: BTreeSet<_> = tools().iter().map(|tool| tool.spec.name).collect();
        let routes: BTreeSet<_> = tools().iter().map(|tool| (tool.spec.method, tool.spec.route)).collect();
        assert_eq!((names.len(), routes.len()), (tools().len(), tools().len()));
    }

    #[test]
    fn no_two_tools_have_the_same_key() {
        let keys: BTreeSet<_> = tools().iter().map(|tool| tool.spec.key).collect();
        assert_eq!(keys.len(), tools().len());
        assert!(keys.iter().all(|key| key.chars().count() == 1));
    }

    #[test]
    fn both_spellings_find_a_tool() {
        assert_eq!(find("ticket_create").unwrap().spec.name, "ticket.create");
        assert_eq!(find("closeout.add_evidence").unwrap().spec.name, "closeout.add_evidence");
        assert!(find("ticket-create").is_none());
    }

    #[test]
    fn every_schema_compiles() {
        for tool in tools() {
            for &kind in Kind::ALL {
                let errors = Validator::new(&tool.schema(Some(kind))).errors(&serde_json::json!({}));
                assert!(errors.iter().all(|error| !error.schema_path.is_empty()), "{}", tool.spec.name);
            }
        }
    }
}
