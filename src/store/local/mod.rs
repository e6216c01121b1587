//! The private local cluster: a Postgres that the program looks after itself (DESIGN.md).
