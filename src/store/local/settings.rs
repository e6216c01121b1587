//! The server's settings. They are written at every start, so that a new version of the program brings its own.

use std::fs;
use std::io::ErrorKind::NotFound;
use std::io::Write;
use std::path::Path;

use super::account::Account;
use super::error::LocalError;
use super::place::{PORT, Place, private};

const FILE: &str = "dispatch.conf";

/// What `postgresql.conf` ends with. An owner who must change a setting for good puts it after this line.
const INCLUDE: &str = "\n# Written anew at each start of dispatch; what follows it wins.\ninclude 'dispatch.conf'\n";

/// Reached through the socket alone, durable, and small while idle. Statements are kept out of the log, and so are the
/// values in error details: they can name customers.
fn text(place: &Place) -> String {
    format!(
        "# Written by dispatch at each start of this server. Changes here are lost.
listen_addresses = ''
port = {PORT}
unix_socket_directories = '\"{socket_dir}\"'
unix_socket_permissions = 0700
max_connections = 200

fsync = on
synchronous_commit = on
full_page_writes = on

shared_buffers = 256MB
jit = off
max_logical_replication_workers = 0
cluster_name = 'dispatch'

timezone = 'UTC'
log_timezone = 'UTC'
log_destination = 'stderr'
logging_collector = off
log_min_error_statement = 'panic'
log_error_verbosity = 'terse'
",
        // Only plain paths are chosen, so nothing in it needs quoting.
        socket_dir = place.socket_dir.display()
    )
}

/// Makes a new cluster read our file.
pub(super) fn include(pgdata: &Path) -> Result<(), LocalError> {
    let path = pgdata.join("postgresql.conf");
    let append = || {
        let mut file = fs::OpenOptions::new().append(true).open(&path)?;
        file.write_all(INCLUDE.as_bytes())?;
        file.sync_all()
    };
    append().map_err(LocalError::file("write", &path))
}

/// Writes our file whole, so that a crash leaves the old one or the new one.
pub(super) fn write(place: &Place, pgdata: &Path, account: Account) -> Result<(), LocalError> {
    let path = pgdata.join(FILE);
    let text = text(place);
    if fs::read_to_string(&path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    let fresh = pgdata.join("dispatch.conf.new");
    let replace = || {
        // A new file only, given away by its handle: we may be root, and the directory is another user's.
        fs::remove_file(&fresh).or_else(|error| if error.kind() == NotFound { Ok(()) } else { Err(error) })?;
        let mut file = private().create_new(true).write(true).open(&fresh)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        account.own_file(&file)?;
        fs::rename(&fresh, &path)
    };
    replace().map_err(LocalError::file("write", &path))
}
