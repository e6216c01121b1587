//! The cockpit: the terminal face, in the Elm way.
//!
//! [`model`] is all that is known, [`msg`] all that can happen, [`update`] says what follows from
//! it, as data ([`effect`]), and [`view`] draws the model. Both are pure of I/O, so every screen is a
//! snapshot test. Of [`update`], `hear` has what is heard and `asks` what keys and parts ask for.
//! [`crew`] carries effects out as tasks of their own and brings what came of them back as messages;
//! [`run`] is the loop between the two and the terminal, whose modes [`terminal`] alone owns.
//!
//! A pane or a dialog is one file and a [`part::Part`]; a key is one row of [`keymap`]'s table, which
//! the footer, the help, the palette and the config file all read.

mod app;
mod asks;
pub mod calls;
pub mod content;
pub mod courier;
pub mod crew;
pub mod dialogs;
pub mod effect;
pub mod envelope;
pub mod extract;
#[cfg(test)]
mod fake;
pub mod files;
pub mod follow;
pub mod form;
pub mod hear;
pub mod journal;
pub mod keep;
pub mod keymap;
pub mod known;
pub mod late;
pub mod list;
pub mod log;
pub mod look;
pub mod model;
mod mouse;
pub mod msg;
pub mod panes;
pub mod part;
pub mod refused;
pub mod rows;
pub mod run;
#[cfg(test)]
mod snapshot;
pub mod terminal;
#[cfg(test)]
mod tests;
pub mod theme;
pub mod typed;
pub mod update;
pub mod view;
pub mod views;
pub mod zone;
