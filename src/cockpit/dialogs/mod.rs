//! What comes up over the screen and takes the keys, one file each.

pub mod actions;
pub mod ask_again;
pub mod calls;
pub mod choice;
pub mod export;
pub mod help;
pub mod lists;
pub mod name_view;
pub mod palette;
pub mod quit;
pub mod raw;
