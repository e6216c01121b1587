//! `directory.upsert`: master data is added or changed (CONTRACT.md 6 and 12).

use std::fmt::Debug;

use chrono::{Datelike, NaiveDate};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::domain::actor::Role;
use crate::domain::canonical::to_value;
use crate::domain::case::{CaseFile, Context, Decision, Record};
use crate::domain::directory::{Kind, Row, TECHNICIAN_LISTS};
use crate::domain::payload::not_blank;
use crate::domain::refusal::{Code, Refusal};
use crate::domain::tool::{Command, From, Group, Needs, Risk, Tool, ToolSpec};

const SPEC: ToolSpec = ToolSpec {
    name: "directory.upsert",
    summary: "Add or change an account, site, contact, asset or technician.",
    method: "POST",
    route: "/directory/{kind}",
    roles: &[Role::Dispatcher, Role::Admin],
    from: From::NoTicket,
    to: None,
    status: 200,
    group: Group::Directory,
    risk: Risk::Ordinary,
    key: "D",
};

/// The tool, with its payload for each kind.
pub fn tool() -> Tool {
    Tool::command_by_kind(SPEC)
        .kind::<Account>(Kind::Accounts)
        .kind::<Site>(Kind::Sites)
        .kind::<Contact>(Kind::Contacts)
        .kind::<Asset>(Kind::Assets)
        .kind::<Technician>(Kind::Technicians)
}

/// Declares the payload of a kind: what must be given, and what may be. Absent fields keep what
/// is there, so all but the required ones are optional.
macro_rules! master {
    ($(#[$meta:meta])* $name:ident of $kind:ident, id $id:ty {
        $($(#[$rmeta:meta])* $required:ident: $rtype:ty,)* ; $($(#[$ometa:meta])* $optional:ident: $otype:ty,)*
    } $($extra:tt)*) => {
        $(#[$meta])*
        #[derive(Debug, Serialize, Deserialize, JsonSchema)]
        pub struct $name {
            /// To change an existing one.
            #[serde(skip_serializing_if = "Option::is_none")]
            #[schemars(length(min = 1, max = 100))]
            pub id: Option<$id>,
            $($(#[$rmeta])* pub $required: $rtype,)*
            $(#[serde(skip_serializing_if = "Option::is_none")] $(#[$ometa])* pub $optional: Option<$otype>,)*
        }

        impl MasterData for $name {
            const KIND: Kind = Kind::$kind;
            fn id(&self) -> Option<String> {
                self.id.as_ref().map(|id| id.to_string().trim().to_owned())
            }
            $($extra)*
        }
    };
}

master! {
    /// A customer.
    Account of Accounts, id Uuid {
        #[schemars(length(min = 1, max = 500))] name: String,
        ;
    }
}

master! {
    /// A place where work is done.
    Site of Sites, id Uuid {
        account_id: Uuid,
        #[schemars(length(min = 1, max = 500))] name: String,
        #[schemars(length(min = 1, max = 500))] address1: String,
        #[schemars(length(min = 1, max = 500))] city: String,
        ;
        #[schemars(length(min = 1, max = 500))] address2: String,
        #[schemars(length(min = 1, max = 500))] region: String,
        #[schemars(length(min = 1, max = 500))] postal_code: String,
        #[schemars(length(min = 1, max = 500))] country: String,
        #[schemars(length(min = 1, max = 500))] timezone: String,
        #[schemars(length(min = 1, max = 10_000))] access_instructions: String,
        hours_json: Map<String, Value>,
    }
    fn account(&self) -> Option<Uuid> {
        Some(self.account_id)
    }
    fn check(&self) -> Result<(), Refusal> {
        match &self.timezone {
            Some(name) if name.trim().parse::<chrono_tz::Tz>().is_err() => Err(Refusal::field_rule(
                "timezone",
                "timezone is no time zone. Give a name of the time-zone database, such as America/New_York.",
            )),
            _ => Ok(()),
        }
    }
}

master! {
    /// A person to talk to, of a site or of an account.
    Contact of Contacts, id Uuid {
        #[schemars(length(min = 1, max = 500))] name: String,
        ;
        site_id: Uuid,
        account_id: Uuid,
        #[schemars(length(min = 1, max = 500))] phone: String,
        #[schemars(length(min = 1, max = 500), extend("format" = "email"))] email: String,
        #[schemars(length(min = 1, max = 500))] role: String,
        #[schemars(range(min = 0, max = 1000))] escalation_level: i32,
        is_authorized_requester: bool,
        is_authorized_approver: bool,
    }
    fn account(&self) -> Option<Uuid> {
        self.account_id
    }
    fn site(&self) -> Option<Uuid> {
        self.site_id
    }
    fn check(&self) -> Result<(), Refusal> {
        if self.id.is_none() && self.site_id.is_none() && self.account_id.is_none() {
            return Err(Refusal::field_rule("site_id", "A contact belongs to a site or to an account: give site_id or account_id."));
        }
        Ok(())
    }
}

master! {
    /// A thing that is serviced: a door, a lock, a pane.
    Asset of Assets, id Uuid {
        site_id: Uuid,
        #[serde(rename = "type")]
        #[schemars(length(min = 1, max = 500))] asset_type: String,
        ;
        #[schemars(length(min = 1, max = 500))] tag: String,
        #[schemars(length(min = 1, max = 500))] make: String,
        #[schemars(length(min = 1, max = 500))] model: String,
        #[schemars(length(min = 1, max = 500))] serial: String,
        installed_at: NaiveDate,
        warranty_until: NaiveDate,
        metadata: Map<String, Value>,
    }
    fn site(&self) -> Option<Uuid> {
        Some(self.site_id)
    }
    fn check(&self) -> Result<(), Refusal> {
        for (name, date) in [("installed_at", self.installed_at), ("warranty_until", self.warranty_until)] {
            if date.is_some_and(|date| date.year() < 1) {
                return Err(Refusal::field_rule(name, format!("{name} is before the year 1. Give a later one.")));
            }
        }
        Ok(())
    }
}

/// Hours on one day of the week; 0 is Sunday. An end before the start is on the next day.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Hours {
    #[schemars(range(min = 0, max = 6))]
    pub weekday: i16,
    #[schemars(regex(pattern = r"^([01]\d|2[0-3]):[0-5]\d(:00)?$"))]
    pub start_time: String,
    #[schemars(regex(pattern = r"^([01]\d|2[0-3]):[0-5]\d(:00)?$"))]
    pub end_time: String,
}

master! {
    /// Somebody who does the work. Their id is a text of your choosing.
    Technician of Technicians, id String {
        #[schemars(length(min = 1, max = 500))] name: String,
        ;
        active: bool,
        #[schemars(length(min = 1, max = 500))] home_region: String,
        #[schemars(length(min = 1, max = 500))] phone: String,
        #[schemars(length(min = 1, max = 500), extend("format" = "email"))] email: String,
        #[schemars(length(max = 200), inner(length(min = 1, max = 100)))] skills: Vec<String>,
        #[schemars(length(max = 200), inner(length(min = 1, max = 100)))] regions: Vec<String>,
        #[schemars(length(max = 200))] availability: Vec<Hours>,
    }
    fn check(&self) -> Result<(), Refusal> {
        let Some(id) = &self.id else {
            return Err(Refusal::field_rule("id", "A technician needs an id, such as t-ortiz."));
        };
        not_blank("id", id)?;
        for (name, list) in [("skills", &self.skills), ("regions", &self.regions)] {
            list.iter().flatten().try_for_each(|word| not_blank(name, word))?;
        }
        let mut starts: Vec<(i16, &str)> =
            self.availability.iter().flatten().map(|hours| (hours.weekday, hours.start_time.get(..5).unwrap_or_default())).collect();
        starts.sort_unstable();
        if starts.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(Refusal::field_rule("availability", "Two entries begin at the same time of the same day. Give one of them."));
        }
        Ok(())
    }
}

/// What the kinds have in common.
pub trait MasterData: Serialize + Debug + Send + Sync {
    const KIND: Kind;
    /// The id of the record to change, as text.
    fn id(&self) -> Option<String>;
    /// The account it names.
    fn account(&self) -> Option<Uuid> {
        None
    }
    /// The site it names.
    fn site(&self) -> Option<Uuid> {
        None
    }
    /// What a schema cannot say.
    fn check(&self) -> Result<(), Refusal> {
        Ok(())
    }
}

/// Texts are stored trimmed; lists of texts without repetition.
fn tidy(value: &mut Value) {
    match value {
        Value::String(text) => *text = text.trim().to_owned(),
        Value::Array(items) => {
            items.iter_mut().for_each(tidy);
            let mut seen = Vec::with_capacity(items.len());
            items.retain(|item| {
                let is_new = !seen.contains(item);
                if is_new {
                    seen.push(item.clone());
                }
                is_new
            });
        }
        _ => {}
    }
}

impl<T: MasterData + serde::de::DeserializeOwned + JsonSchema + 'static> Command for T {
    const SPEC: ToolSpec = SPEC;

    fn needs(&self) -> Needs {
        Needs { account: self.account(), site: self.site(), master: Some((T::KIND, self.id())), ..Needs::default() }
    }

    fn field_rules(&self) -> Result<(), Refusal> {
        self.check()?;
        let Value::Object(given) = to_value(self) else { return Ok(()) };
        for (name, value) in &given {
            if let Value::String(text) = value {
                not_blank(name, text)?;
            }
        }
        Ok(())
    }

    fn decide(&self, case: &CaseFile, context: &Context<'_>) -> Result<Decision, Refusal> {
        let kind = T::KIND;
        if let Some(id) = self.id()
            && case.master.existing.is_none()
            && kind != Kind::Technicians
        {
            return Err(Refusal::new(
                kind.not_found(),
                format!("There is no record {id} among the {kind} to change. Leave id out to add a new one."),
            )
            .with("id", id));
        }
        if let Some(account) = self.account()
            && !case.master.account_exists
        {
            return Err(Refusal::new(Code::AccountNotFound, format!("There is no account {account}. Add it first."))
                .with("account_id", account));
        }
        if let Some(site) = self.site()
            && case.master.site_account.is_none()
        {
            return Err(Refusal::new(Code::SiteNotFound, format!("There is no site {site}. Add it first."))
                .with("site_id", site));
        }
        let row = self.row(case, context);
        // What belongs together is judged on the whole record, given or kept.
        let account = row.fields.get("account_id").and_then(Value::as_str).and_then(|id| Uuid::try_parse(id).ok());
        if let (Some(account), Some(owner)) = (account, case.master.site_account)
            && account != owner
        {
            return Err(Refusal::new(
                Code::SiteAccountMismatch,
                "The site belongs to another account. Choose a site of this account, or leave one of the two out.",
            )
            .with("account_id", account)
            .with("site_id", row.fields.get("site_id")));
        }
        let before = case.master.existing.is_some();
        Ok(Decision::elsewhere(Value::Object(row.fields.clone()))
            .note("kind", kind)
            .note("record_id", row.fields.get("id"))
            .note("change", if before { "changed" } else { "added" })
            .record(Record::Master(row)))
    }
}

/// The whole record: what is given, else what is there, else the default.
trait Merge: MasterData {
    fn row(&self, case: &CaseFile, context: &Context<'_>) -> Row;
}

impl<T: MasterData> Merge for T {
    fn row(&self, case: &CaseFile, context: &Context<'_>) -> Row {
        let Value::Object(mut given) = to_value(self) else {
            return Row { kind: T::KIND, fields: Map::new() };
        };
        given.values_mut().for_each(tidy);
        let existing = case.master.existing.as_ref();
        let mut fields = Map::new();
        let id = self.id().map_or_else(|| json!(context.ordered_id(2)), Value::from);
        fields.insert("id".to_owned(), id);
        let lists: &[&str] = if T::KIND == Kind::Technicians { &TECHNICIAN_LISTS } else { &[] };
        for &name in T::KIND.columns().iter().chain(lists) {
            let fallback = || {
                let there = existing.and_then(|existing| existing.get(name)).cloned();
                let default = if lists.contains(&name) { json!([]) } else { T::KIND.default_of(name) };
                there.unwrap_or(default)
            };
            fields.insert(name.to_owned(), given.remove(name).unwrap_or_else(fallback));
        }
        Row { kind: T::KIND, fields }
    }
}
