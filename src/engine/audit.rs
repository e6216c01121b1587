//! Verifying the audit trail: every chain, link by link, against its recorded head.

use std::collections::{HashMap, HashSet};

use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::Engine;
use crate::domain::audit::{Break, Event, Head, Walk};
use crate::domain::canonical;
use crate::store::StoreError;

/// What a verification found.
#[derive(Debug, Serialize)]
pub struct Verdict {
    pub events: u64,
    pub chains: usize,
    /// The first broken link of each broken chain, by chain.
    pub broken: Vec<Break>,
    /// Events that other programs appended without a chain.
    pub unchained: i64,
    pub first_unchained: Vec<Uuid>,
    /// SHA-256 over all chain heads: equal digests, equal trails.
    pub digest: String,
}

/// The walks under way: one chain at a time, as events come ordered by chain.
#[derive(Default)]
struct Inspection {
    heads: Option<HashMap<String, Head>>,
    current: Option<(String, Walk, bool)>,
    finished: HashSet<String>,
    broken: Vec<Break>,
    events: u64,
}

impl Inspection {
    fn look(&mut self, heads: &[(String, Head)], event: &Event) {
        let heads = self.heads.get_or_insert_with(|| heads.iter().cloned().collect());
        self.events += 1;
        let chain = event.chain.clone().unwrap_or_default();
        if self.current.as_ref().is_none_or(|(current, ..)| *current != chain) {
            if let Some((name, walk, whole)) = self.current.take() {
                finish(heads, &name, &walk, whole, &mut self.broken);
                self.finished.insert(name);
            }
            self.current = Some((chain.clone(), Walk::along(chain), true));
        }
        if let Some((_, walk, whole)) = &mut self.current
            && *whole
            && let Err(broken) = walk.link(event)
        {
            *whole = false;
            self.broken.push(broken);
        }
    }
}

fn finish(heads: &HashMap<String, Head>, name: &str, walk: &Walk, whole: bool, broken: &mut Vec<Break>) {
    let no_head = Head::default();
    if whole && let Err(found) = walk.end(heads.get(name).unwrap_or(&no_head)) {
        broken.push(found);
    }
}

impl Engine {
    /// Walks all chains, or one, and says where the first broken link of each is. `progress` is
    /// told how many events were looked at.
    pub async fn verify_audit(
        &self,
        chain: Option<&str>,
        mut progress: impl FnMut(u64),
    ) -> Result<Verdict, StoreError> {
        let mut inspection = Inspection::default();
        let trail = self
            .store
            .audit_trail(chain, |heads, event| {
                inspection.look(heads, &event);
                progress(inspection.events);
            })
            .await?;
        let heads: HashMap<String, Head> = trail.heads.iter().cloned().collect();
        if let Some((name, walk, whole)) = inspection.current.take() {
            finish(&heads, &name, &walk, whole, &mut inspection.broken);
            inspection.finished.insert(name);
        }
        for (name, head) in &trail.heads {
            if !inspection.finished.contains(name) && head.seq > 0 {
                finish(&heads, name, &Walk::along(name.clone()), true, &mut inspection.broken);
            }
        }
        let digest = canonical::hash(&json!(
            trail.heads.iter().map(|(name, head)| json!([name, head.seq, head.hash])).collect::<Vec<_>>()
        ));
        inspection.broken.sort_by(|a, b| a.chain.cmp(&b.chain));
        Ok(Verdict {
            events: inspection.events,
            chains: inspection.finished.len(),
            broken: inspection.broken,
            unchained: trail.unchained,
            first_unchained: trail.first_unchained,
            digest,
        })
    }
}
