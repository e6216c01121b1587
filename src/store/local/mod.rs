//! The private local cluster: a Postgres that the program looks after itself (DESIGN.md).

/// The role that owns the tables.
pub const OWNER: &str = "dispatch_owner";
/// The role the application connects as: it owns nothing.
pub const APP: &str = "dispatch_app";
