//! Requests for service from elsewhere: files read row by row, rows made into requests by a
//! mapping, requests into tickets by the same judgement as any call.
//!
//! [`read`] knows files, [`mapping`] and [`template`] know what a column means, [`address`] knows
//! when two addresses are one place. Only [`places`] and [`load`] speak to the engine.

pub mod address;
pub mod load;
pub mod mapping;
pub mod places;
pub mod read;
pub mod template;
