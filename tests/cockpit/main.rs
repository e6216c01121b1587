//! The cockpit as its users meet it: the program in a terminal, driven by keys alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

#[path = "../support/keys.rs"]
mod keys;
#[path = "../support/modes.rs"]
mod modes;
#[allow(dead_code, reason = "the other tests use the rest")]
#[path = "../world/own.rs"]
mod own;
#[path = "../support/mod.rs"]
mod support;
#[path = "../support/terminal.rs"]
mod terminal;

mod harness;
mod lasting;
mod leaving;
mod lifecycle;
mod post;
mod reach;
mod screen;
mod shift;
mod together;
