//! What is true: the rules of CONTRACT.md as pure functions and data. Nothing here does I/O, reads
//! a clock or knows a database; everything it needs is handed in.

pub mod actor;
pub mod audit;
pub mod canonical;
pub mod case;
pub mod chain;
pub mod closeout;
pub mod directory;
pub mod filter;
pub mod intake;
pub mod judge;
pub mod messages;
pub mod next;
pub mod packet;
pub mod payload;
pub mod policy;
pub mod queue;
pub mod redact;
pub mod refusal;
pub mod registry;
pub mod sla;
pub mod state;
pub mod ticket;
pub mod time;
pub mod tool;
pub mod tools;
pub mod view;
pub mod words;
