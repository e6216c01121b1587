//! The cockpit as its users meet it: the program in a terminal, driven by keys alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

#[path = "../support/keys.rs"]
mod keys;
#[path = "../support/modes.rs"]
mod modes;
#[path = "../support/mod.rs"]
mod support;
#[path = "../support/terminal.rs"]
mod terminal;

mod harness;
mod leaving;
mod post;
mod reach;
mod screen;
mod together;
