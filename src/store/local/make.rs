//! Making the cluster: `initdb`, and the roles.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection};

use super::account::Account;
use super::binaries::Binaries;
use super::error::LocalError;
use super::place::{Place, make_dir};
use super::{APP, OWNER, settings};

/// Clusters in the making are named so, and count for nothing until they are renamed.
const UNFINISHED: &str = "postgres.new-";

/// Makes the cluster. It appears whole or not at all, whenever this process is killed. Called under the lock.
pub(super) async fn cluster(place: &Place, binaries: &Binaries, account: Account) -> Result<(), LocalError> {
    if fs::read_dir(&place.pgdata).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(LocalError::Occupied { path: place.pgdata.clone() });
    }
    let made = match attempt(place, binaries, account).await {
        // It may have been killed. If it cannot work, it fails as quickly as before.
        Err(LocalError::Initdb { .. }) => attempt(place, binaries, account).await,
        other => other,
    };
    if made.is_err() {
        remove_unfinished(place);
    }
    made
}

async fn attempt(place: &Place, binaries: &Binaries, account: Account) -> Result<(), LocalError> {
    // The name is new each time: an `initdb` whose dispatch was killed may still be at work on an old one.
    let fresh = &place.data_dir.join(format!("{UNFINISHED}{}", uuid::Uuid::new_v4().simple()));
    make_dir(fresh, account)?;
    match initdb(fresh, "C.UTF-8", binaries, account).await {
        // Older systems have no such locale.
        Err(LocalError::Initdb { output, .. }) if output.contains("locale") => {
            initdb(fresh, "C", binaries, account).await?;
        }
        other => other?,
    }
    settings::include(fresh)?;
    settings::write(place, fresh, account)?;
    let publish = || {
        File::open(fresh)?.sync_all()?;
        fs::rename(fresh, &place.pgdata)?;
        File::open(&place.data_dir)?.sync_all()
    };
    publish().map_err(LocalError::file("move into place", &place.pgdata))
}

async fn initdb(fresh: &Path, locale: &str, binaries: &Binaries, account: Account) -> Result<(), LocalError> {
    let program = binaries.program("initdb");
    let mut command = account.command(&program);
    // Trust is safe: only the owner can enter the directory of the socket, and there is no other way in.
    command.arg("-D").arg(fresh).args(["-U", OWNER, "--auth-local=trust", "--auth-host=reject", "-E", "UTF8"]);
    command.arg(format!("--locale={locale}")).kill_on_drop(true);
    let answer = command.output().await.map_err(|source| LocalError::Run { program, source })?;
    if answer.status.success() {
        return Ok(());
    }
    let output = String::from_utf8_lossy(&answer.stderr);
    let place = fresh.parent().unwrap_or(fresh).to_owned();
    Err(LocalError::Initdb { path: place, output: essence(&output) })
}

/// What `initdb` failed of: the server's own first word on it where there is one, else all it says.
fn essence(output: &str) -> String {
    let fatal = output.lines().find_map(|line| line.split_once("FATAL:").map(|(_, told)| told.trim().to_owned()));
    let all = || output.trim().lines().map(|line| line.trim_start_matches("initdb: ")).collect::<Vec<_>>().join("; ");
    fatal.unwrap_or_else(all)
}

/// Removes what a killed process left behind. Called under the lock.
pub(super) fn remove_unfinished(place: &Place) {
    let entries = fs::read_dir(&place.data_dir).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(UNFINISHED)) {
        if let Err(error) = fs::remove_dir_all(entry.path())
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(path = %entry.path().display(), %error, "an unfinished cluster could not be removed");
        }
    }
}

/// Makes the role that the application connects as, unless it is there. It comes last, so that its presence says that
/// all is done.
pub(super) async fn roles(owner: PgConnectOptions, major: u32) -> Result<(), LocalError> {
    let run = async {
        let mut postgres = owner.clone().database("postgres").connect().await?;
        let query = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)");
        if !query.bind(APP).fetch_one(&mut postgres).await? {
            if major < 15 {
                // Everyone may create tables in `public`. `template1` passes it on to new databases.
                let mut template = owner.database("template1").connect().await?;
                close_public(&mut template).await?;
                template.close().await?;
                close_public(&mut postgres).await?;
            }
            // One message, and so one transaction.
            let create = "REVOKE TEMPORARY ON DATABASE postgres FROM PUBLIC;
                CREATE ROLE dispatch_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE";
            sqlx::raw_sql(create).execute(&mut postgres).await?;
        }
        postgres.close().await
    };
    run.await.map_err(LocalError::Roles)
}

async fn close_public(database: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::raw_sql("REVOKE CREATE ON SCHEMA public FROM PUBLIC").execute(database).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::essence;

    #[test]
    fn of_a_long_complaint_the_cause_is_told() {
        let long =
            "2026-11-21 11:02:32 UTC [1] FATAL:  could not extend file: No space left on device\nHINT:  Check.\n";
        assert_eq!(essence(long), "could not extend file: No space left on device");
        assert_eq!(essence("initdb: error: no such locale\ninitdb: hint: x\n"), "error: no such locale; hint: x");
    }
}
