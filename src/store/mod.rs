//! Where it is kept: Postgres, migrations, the private local cluster. All SQL is here.

pub mod local;
