//! Words that shells complete. The command itself judges what was written: it is more generous
//! (any case, aliases) and says more than a list could.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Arg, Command, Error};

use crate::domain::actor::Role;
use crate::domain::directory::Kind;
use crate::domain::registry;
use crate::domain::sla::SlaStatus;
use crate::domain::state::State;
use crate::domain::words::Priority;

/// A parser that takes any text and offers these words.
#[derive(Debug, Clone)]
pub struct Offer(fn() -> Vec<&'static str>);

impl TypedValueParser for Offer {
    type Value = String;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<String, Error> {
        StringValueParser::new().parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new((self.0)().into_iter().map(PossibleValue::new)))
    }
}

pub const ROLES: Offer = Offer(|| Role::ALL.iter().map(|role| role.as_str()).collect());
pub const KINDS: Offer = Offer(|| Kind::ALL.iter().map(|kind| kind.as_str()).collect());
pub const STATES: Offer = Offer(|| State::ALL.iter().map(|state| state.as_str()).collect());
pub const PRIORITIES: Offer = Offer(|| Priority::ALL.iter().map(|priority| priority.as_str()).collect());
pub const SLA: Offer = Offer(|| SlaStatus::ALL.iter().map(|status| status.as_str()).collect());
pub const TOOLS: Offer = Offer(|| registry::tools().iter().map(|tool| tool.spec.name).collect());
