//! The accounts and sites that requests name: found by name and address, made where missing, each
//! once however often a file is imported.

use std::collections::HashMap;

use serde_json::{Value, json};
use uuid::Uuid;

use super::address::Address;
use super::mapping::Request;
use crate::domain::judge;
use crate::domain::refusal::Code;
use crate::domain::registry;
use crate::domain::ticket::Site;
use crate::engine::{Call, Caller, Desk, Refused};

/// Accounts and sites known so far.
#[derive(Debug)]
pub struct Places<'d> {
    desk: &'d dyn Desk,
    caller: &'d Caller,
    dry_run: bool,
    /// By name in lower case.
    accounts: HashMap<String, Uuid>,
    /// By account and address key.
    sites: HashMap<(Uuid, String), Site>,
    pub accounts_made: u64,
    pub sites_made: u64,
}

impl<'d> Places<'d> {
    /// None known yet. In a dry run nothing is made, only judged and remembered.
    pub fn new(desk: &'d dyn Desk, caller: &'d Caller, dry_run: bool) -> Self {
        let (accounts, sites) = (HashMap::new(), HashMap::new());
        Self { desk, caller, dry_run, accounts, sites, accounts_made: 0, sites_made: 0 }
    }

    /// The site of a request.
    pub async fn site(&mut self, request: &Request) -> Result<Site, Refused> {
        let account = self.account(&request.account).await?;
        let key = (account, request.address.key());
        if let Some(site) = self.sites.get(&key) {
            return Ok(site.clone());
        }
        let record = site_record(account, request);
        let request_id = derived(&format!("site {account} {}", key.1));
        let made = match self.upsert("sites", &record, request_id).await {
            // Another import made it meanwhile, from an address written differently.
            Err(refused) if refused.refusal.code() == Code::IdempotencyPayloadMismatch => {
                self.learn_sites(account).await?;
                match self.sites.get(&key) {
                    Some(site) => return Ok(site.clone()),
                    None => return Err(refused),
                }
            }
            other => other?,
        };
        let (record, new) = made;
        let Some(site) = as_site(&record) else { return Err(unreadable()) };
        self.sites_made += u64::from(new);
        self.sites.insert(key, site.clone());
        Ok(site)
    }

    async fn account(&mut self, name: &str) -> Result<Uuid, Refused> {
        let key = name.to_lowercase();
        if let Some(id) = self.accounts.get(&key) {
            return Ok(*id);
        }
        let mut found = None;
        let by_name = json!({"q": name, "limit": 1000});
        self.search("accounts", by_name, |record| {
            let same = record["name"].as_str().is_some_and(|other| other.trim().to_lowercase() == key);
            if same && found.is_none() {
                found = as_id(record);
            }
        })
        .await?;
        let id = if let Some(id) = found {
            id
        } else {
            let (record, new) =
                self.upsert("accounts", &json!({"name": name}), derived(&format!("account {name}"))).await?;
            self.accounts_made += u64::from(new);
            as_id(&record).ok_or_else(unreadable)?
        };
        self.learn_sites(id).await?;
        self.accounts.insert(key, id);
        Ok(id)
    }

    /// Reads the sites that an account has.
    async fn learn_sites(&mut self, account: Uuid) -> Result<(), Refused> {
        let mut found = Vec::new();
        let of_account = json!({"account_id": account, "limit": 1000});
        self.search("sites", of_account, |record| found.extend(as_site(record).map(|site| (key_of(record), site))))
            .await?;
        for (key, site) in found {
            self.sites.entry((account, key)).or_insert(site);
        }
        Ok(())
    }

    async fn search(&self, kind: &str, mut query: Value, mut each: impl FnMut(&Value)) -> Result<(), Refused> {
        loop {
            let call = Call::new(self.caller, "directory.search", Some(kind), query.clone());
            let page = self.desk.call(call).await?.json();
            page["records"].as_array().into_iter().flatten().for_each(&mut each);
            query["cursor"] = page["next_cursor"].clone();
            if query["cursor"].is_null() {
                return Ok(());
            }
        }
    }

    /// Makes a record, and says whether it is new. Of a dry run it is only as it would be.
    async fn upsert(&self, kind: &str, record: &Value, request_id: Uuid) -> Result<(Value, bool), Refused> {
        if !self.dry_run {
            let call = Call::new(self.caller, "directory.upsert", Some(kind), record.clone()).request_id(request_id);
            let reply = self.desk.call(call).await?;
            return Ok((reply.json(), !reply.replayed));
        }
        if let Some(tool) = registry::find("directory.upsert") {
            judge::authorise(tool, &self.caller.actor).map_err(refused)?;
        }
        let mut record = record.clone();
        record["id"] = json!(request_id);
        Ok((record, true))
    }
}

/// A request id that is the same at every import.
fn derived(of: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("dispatch import {of}").as_bytes())
}

fn refused(refusal: crate::domain::refusal::Refusal) -> Refused {
    Refused { refusal, request_id: None, correlation_id: None }
}

fn unreadable() -> Refused {
    let message = "A record of the directory cannot be read. `dispatch directory list` shows it.";
    refused(crate::domain::refusal::Refusal::new(Code::InternalError, message))
}

fn site_record(account: Uuid, request: &Request) -> Value {
    let address = &request.address;
    json!({
        "account_id": account,
        "name": address.name(),
        "address1": address.address1,
        "address2": address.address2,
        "city": address.city,
        "region": address.region,
        "postal_code": address.postal_code,
        "timezone": request.timezone,
    })
}

fn as_id(record: &Value) -> Option<Uuid> {
    record["id"].as_str().and_then(|id| Uuid::parse_str(id).ok())
}

fn as_site(record: &Value) -> Option<Site> {
    serde_json::from_value(record.clone()).ok()
}

fn key_of(record: &Value) -> String {
    let text = |name: &str| record[name].as_str().map(str::to_owned);
    let address = Address {
        address1: text("address1").unwrap_or_default(),
        address2: text("address2"),
        city: text("city").unwrap_or_default(),
        region: text("region"),
        postal_code: text("postal_code"),
    };
    address.key()
}
