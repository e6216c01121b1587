//! Master data: the kinds there are and what a row of each consists of (CONTRACT.md 12).

use serde_json::{Map, Value};
use uuid::Uuid;

use super::refusal::{Code, Refusal};
use super::words::words;

words! {
    /// A kind of master data, as it stands in `/directory/{kind}`.
    pub enum Kind {
        Accounts = "accounts",
        Sites = "sites",
        Contacts = "contacts",
        Assets = "assets",
        Technicians = "technicians",
    }
}

impl Kind {
    /// A kind by its name, or a refusal that names them all.
    pub fn named(word: &str) -> Result<Self, Refusal> {
        Self::parse(word.trim()).ok_or_else(|| {
            let all: Vec<_> = Self::ALL.iter().map(|kind| kind.as_str()).collect();
            Refusal::new(Code::NotFound, format!("There is no directory of `{word}`. There are: {}.", all.join(", ")))
                .with("kind", word)
        })
    }

    /// The columns a caller may set, beside `id`.
    pub const fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Accounts => &["name"],
            Self::Sites => &[
                "account_id",
                "name",
                "address1",
                "address2",
                "city",
                "region",
                "postal_code",
                "country",
                "timezone",
                "access_instructions",
                "hours_json",
            ],
            Self::Contacts => &[
                "site_id",
                "account_id",
                "name",
                "phone",
                "email",
                "role",
                "escalation_level",
                "is_authorized_requester",
                "is_authorized_approver",
            ],
            Self::Assets => {
                &["site_id", "tag", "type", "make", "model", "serial", "installed_at", "warranty_until", "metadata"]
            }
            Self::Technicians => &["name", "active", "home_region", "phone", "email"],
        }
    }

    /// What a column holds where nobody has said.
    pub fn default_of(self, column: &str) -> Value {
        match (self, column) {
            (Self::Sites, "country") => "US".into(),
            (Self::Sites, "timezone") => "America/Los_Angeles".into(),
            (Self::Contacts, "is_authorized_requester" | "is_authorized_approver") => false.into(),
            (Self::Assets, "metadata") => Value::Object(Map::new()),
            (Self::Technicians, "active") => true.into(),
            _ => Value::Null,
        }
    }

    /// The code for a record of this kind that nobody knows.
    pub const fn not_found(self) -> Code {
        match self {
            Self::Accounts => Code::AccountNotFound,
            Self::Sites => Code::SiteNotFound,
            Self::Assets => Code::AssetNotFound,
            Self::Contacts | Self::Technicians => Code::NotFound,
        }
    }
}

/// The lists that belong to a technician and are given as a whole.
pub const TECHNICIAN_LISTS: [&str; 3] = ["skills", "regions", "availability"];

/// A whole row of master data, as it is to be stored and as it is answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub kind: Kind,
    /// `id`, every column, and a technician's lists.
    pub fields: Map<String, Value>,
}

/// What a change of master data depends on.
#[derive(Debug, Clone, Default)]
pub struct Master {
    /// The record that is to be changed, where it exists.
    pub existing: Option<Map<String, Value>>,
    /// Whether the account that it names exists.
    pub account_exists: bool,
    /// The account of its site, the one it names or else has, where that exists.
    pub site_account: Option<Uuid>,
}
