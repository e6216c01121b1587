//! The cockpit without a terminal: messages in, model and effects out; and every screen as a snapshot.

mod answers;
mod case;
mod drafts;
pub mod fixture;
mod keys;
mod queue;
mod screens;
mod work;
