//! What fields are called and of what kind they are, by name. What is not here is told by the schema.

use crate::domain::directory::Kind;

/// A kind of field that a schema alone does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Special {
    Record(Kind),
    /// A technician for the ticket's job.
    Technician,
    Approval,
    IncidentType,
    EvidenceKey,
    EvidenceKind,
    Checklist,
    EvidenceRefs,
    File,
    Hours,
    /// The record of a kind that is to be changed.
    Existing,
}

/// What is known of a field.
#[derive(Debug, Clone, Copy)]
pub struct Label {
    pub name: &'static str,
    pub said: &'static str,
    pub hint: &'static str,
    pub special: Option<Special>,
    /// Whether it comes last: it is rarely used.
    pub is_late: bool,
    /// The field of the ticket that it begins with, once the ticket was triaged.
    pub begins_with: Option<&'static str>,
}

const fn field(name: &'static str, said: &'static str, hint: &'static str) -> Label {
    Label { name, said, hint, special: None, is_late: false, begins_with: None }
}

impl Label {
    const fn of(self, special: Special) -> Self {
        Self { special: Some(special), ..self }
    }

    const fn late(self) -> Self {
        Self { is_late: true, ..self }
    }

    const fn begins_with(self, name: &'static str) -> Self {
        Self { begins_with: Some(name), ..self }
    }
}

use Special as S;

/// The table.
const TABLE: &[Label] = &[
    field("account_id", "Account", "type a name").of(S::Record(Kind::Accounts)),
    field("site_id", "Site", "type a name or an address").of(S::Record(Kind::Sites)),
    field("asset_id", "Asset", "the door, lock or pane").of(S::Record(Kind::Assets)),
    field("summary", "Summary", "what is wrong, in a few words"),
    field("description", "Description", "what else the caller said"),
    field("customer_name", "Caller", "who calls"),
    field("contact_phone", "Phone", "to reach the caller; finds earlier jobs"),
    field("contact_email", "E-mail", "to reach the caller"),
    field("nte_cents", "NTE", "dollars, not to exceed"),
    field("priority", "Priority", "").begins_with("priority"),
    field("incident_type", "Incident type", "type or choose; decides which proof the job needs")
        .of(S::IncidentType)
        .begins_with("incident_type"),
    field("workflow_outcome", "Goes to", "where the ticket goes next; not said: TRIAGED"),
    field("ready_to_schedule", "Ready to schedule", "").late(),
    field("requires_approval", "Needs approval", "").late(),
    field("approval_reason", "Approval reason", "why more money or other work is needed"),
    field("approval_amount_delta_cents", "Approval amount", "dollars beyond the NTE"),
    field("sop_handoff_acknowledged", "Hand-off read", "the prompt of the blind intake was read").late(),
    field("info_needed", "Information needed", "what to ask the customer"),
    field("options", "Windows", "the preferred first"),
    field("start", "Window", "such as tomorrow 8:00 – 10:00"),
    field("tech_id", "Technician", "type a name or a region").of(S::Technician).begins_with("assigned_tech_id"),
    field("provider_id", "Provider", "id of the provider, if not our own").late(),
    field("dispatch_mode", "Mode", "a bypass sends without a schedule"),
    field("dispatch_rationale", "Rationale", "why without a schedule"),
    field("dispatch_confirmation", "Bypass confirmed", ""),
    field("recommendation_snapshot_id", "Recommendation", "id of the recommendation followed").late(),
    field("timestamp", "When", "such as 14:30 or -15m"),
    field("location", "Place", "JSON of the device, or nothing").late(),
    field("approval_type", "Asks for", ""),
    field("reason", "Reason", "in words; others read it later"),
    field("amount_delta_cents", "Amount", "dollars beyond the NTE"),
    field("evidence_refs", "Evidence meant", "none ticked: all there is").of(S::EvidenceRefs).late(),
    field("approval_id", "Approval", "").of(S::Approval),
    field("decision", "Decision", ""),
    field("notes", "Notes", "what speaks for it, or must be done again"),
    field("kind", "Kind", "").of(S::EvidenceKind),
    field("uri", "File or uri", "a path, s3://bucket/key, or the words of a note").of(S::File),
    field("evidence_key", "Proves", "the requirement that it meets").of(S::EvidenceKey),
    field("checksum", "Checksum", "of a file chosen here it is filled in").late(),
    field("metadata", "Metadata", "a JSON object, or nothing").late(),
    field("checklist_status", "Checklist", "what was done").of(S::Checklist),
    field("no_signature_reason", "No signature", "why there is none, if there is none"),
    field("result", "Result", ""),
    field("closeout_override_code", "Override code", "").late(),
    field("cancellation_code", "Code", "of your own list").late(),
    field("id", "Change", "an existing one; empty adds a new one").of(S::Existing),
    field("name", "Name", ""),
    field("address1", "Address", ""),
    field("address2", "Address, more", ""),
    field("postal_code", "Postal code", ""),
    field("country", "Country", "US where empty"),
    field("region", "Region", "decides who may be sent"),
    field("timezone", "Time zone", "such as America/New_York"),
    field("access_instructions", "Access", "how to get in"),
    field("hours_json", "Hours", "a JSON object, or nothing").late(),
    field("role", "Role", "such as store manager"),
    field("escalation_level", "Escalation level", "0 is asked first"),
    field("is_authorized_requester", "May ask for work", ""),
    field("is_authorized_approver", "May approve", ""),
    field("type", "Type", "such as storefront door"),
    field("tag", "Tag", "what is written on it"),
    field("installed_at", "Installed", "YYYY-MM-DD"),
    field("warranty_until", "Warranty until", "YYYY-MM-DD"),
    field("active", "Active", "may be sent"),
    field("home_region", "Home region", ""),
    field("skills", "Skills", "with commas between; DEFAULT is any"),
    field("regions", "Regions", "with commas between"),
    field("availability", "Hours", "mon-fri 08:00-17:00, sat 09:00-12:00").of(S::Hours),
];

/// What is known of a field by its name.
pub fn find(name: &str) -> Option<&'static Label> {
    TABLE.iter().find(|label| label.name == name)
}

/// A name as people read it.
pub fn readable(name: &str) -> String {
    let name = name.trim_end_matches("_cents").trim_end_matches("_id").replace('_', " ");
    let mut letters = name.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Names of the schema in a sentence as the form calls them. A name of one word may be just a word.
pub fn in_labels<'a>(said: &str, label: impl Fn(&str) -> Option<&'a str>) -> String {
    let (mut told, mut rest) = (String::new(), said);
    while let Some(at) = rest.find(|c: char| c.is_ascii_alphanumeric()) {
        let (before, from) = rest.split_at(at);
        let end = from.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(from.len());
        let (word, behind) = from.split_at(end);
        let Some(label) = label(word).filter(|_| word.contains('_')) else {
            told.extend([before, word]);
            rest = behind;
            continue;
        };
        let (before, behind) = match (before.strip_suffix('`'), behind.strip_prefix('`')) {
            (Some(before), Some(behind)) => (before, behind),
            _ => (before, behind),
        };
        told.extend([before, label]);
        rest = behind;
        for (raw, plain) in [(" true", " yes"), (" false", " no")] {
            if let Some(behind) = rest.strip_prefix(raw).filter(|it| !it.starts_with(char::is_alphanumeric)) {
                told.push_str(plain);
                rest = behind;
            }
        }
    }
    told.push_str(rest);
    told
}

/// A tool as people call it.
pub fn title(tool: &str, kind: Option<Kind>) -> String {
    let known = match tool {
        "ticket.create" => "New ticket",
        "ticket.triage" => "Triage",
        "schedule.propose" => "Propose windows",
        "schedule.confirm" => "Confirm the window",
        "assignment.dispatch" => "Send a technician",
        "tech.check_in" => "Check in",
        "tech.request_change" => "Ask for a change",
        "approval.decide" => "Decide an approval",
        "closeout.add_evidence" => "Add evidence",
        "tech.complete" => "Work done",
        "qa.verify" => "Verify",
        "billing.generate_invoice" => "Invoice",
        "ticket.close" => "Close the ticket",
        "ticket.cancel" => "Cancel the job",
        "directory.upsert" => {
            return kind.map_or_else(|| "Directory".to_owned(), |kind| readable(kind.as_str()));
        }
        _ => "",
    };
    if !known.is_empty() {
        return known.to_owned();
    }
    let (noun, verb) = tool.split_once('.').unwrap_or(("", tool));
    format!("{} {noun}", readable(verb)).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::registry;
    use std::collections::BTreeSet;

    #[test]
    fn no_name_is_there_twice_and_every_one_is_a_field_of_some_tool() {
        let names: BTreeSet<&str> = TABLE.iter().map(|label| label.name).collect();
        assert_eq!(names.len(), TABLE.len());
        let fields: BTreeSet<String> = registry::tools()
            .iter()
            .filter(|tool| tool.mutating)
            .flat_map(|tool| Kind::ALL.iter().flat_map(|kind| tool.fields(Some(*kind))))
            .collect();
        for name in names {
            assert!(fields.contains(name), "{name}");
        }
    }

    #[test]
    fn a_refusal_calls_fields_what_their_form_calls_them() {
        let label = |name: &str| find(name).map(|label| label.said);
        for (said, told) in [
            ("needs dispatch_rationale and dispatch_confirmation true.", "needs Rationale and Bypass confirmed yes."),
            ("`dispatch_mode` is wrong, my_own_name is not.", "Mode is wrong, my_own_name is not."),
            ("A FAIL needs notes: ü `x` no_signature_reason", "A FAIL needs notes: ü `x` No signature"),
            ("", ""),
        ] {
            assert_eq!(in_labels(said, label), told);
        }
    }

    #[test]
    fn unknown_names_are_made_readable() {
        assert_eq!([readable("hold_reason"), readable("fee_cents")], ["Hold reason", "Fee"]);
        assert_eq!(title("dispatch.force_hold", None), "Force hold dispatch");
    }
}
