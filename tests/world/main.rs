//! The world goes away and comes back: the server, its disk, its clock, the way to it. Each test has
//! a private cluster of its own. Whatever happens, a call is done whole or not at all, the same
//! request id settles it, and nobody has to help.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests fail by panicking")]

mod clock;
mod cockpit;
mod cut;
mod disk;
mod long;
mod own;
mod proxy;
mod server;
