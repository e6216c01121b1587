//! `dispatch`: a domain engine over Postgres and the faces that drive it.
//!
//! * [`domain`] what is true: rules as pure functions and data.
//! * [`store`] where it is kept: Postgres, migrations, the private local cluster. All SQL is here.
//! * [`engine`] how it changes and how it is read: tool calls and queries.
//! * [`demo`] a believable day, brought about by tool calls like any other.
//! * [`cockpit`] the terminal face: the queue, the case and every action by keystroke.
//! * [`cli`] the headless face. A face never writes SQL; nothing below knows which face called.
//! * [`import`] what comes from elsewhere: files, mappings, and requests made into tickets through
//!   the engine.
//! * [`bench`] how fast it is, beside a yardstick, and what it survives.
//! * [`doctor`] what is wrong with an installation, and what to do about it.
//! * [`config`] where the program's settings come from; [`text`] what may reach a terminal.

pub mod bench;
pub mod cli;
pub mod cockpit;
pub mod config;
pub mod demo;
pub mod doctor;
pub mod domain;
pub mod engine;
pub mod import;
pub mod store;
pub mod text;
