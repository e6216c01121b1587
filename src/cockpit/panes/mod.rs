//! What is always on the screen, one file or folder each.

pub mod case;
pub mod footer;
pub mod header;
pub mod queue;
