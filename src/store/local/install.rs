//! Installing a server with the system's own package manager. Asking first is the caller's duty.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

use super::account;
use super::error::LocalError;

/// A package that holds a server, and the command that installs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    pub package: String,
    /// To be shown before it is run. `sudo` is part of it where it is needed.
    pub command: Vec<String>,
}

/// How a family of systems installs a server: ids in os-release, the program, its arguments, the package.
struct Manager {
    systems: &'static [&'static str],
    program: &'static str,
    arguments: &'static [&'static str],
    package: &'static str,
}

const MANAGERS: [Manager; 6] = [
    Manager {
        systems: &["debian", "ubuntu"],
        program: "apt-get",
        arguments: &["install", "--yes", "--no-install-recommends"],
        package: "postgresql",
    },
    Manager {
        systems: &["fedora", "rhel", "centos"],
        program: "dnf",
        arguments: &["install", "--assumeyes"],
        package: "postgresql-server",
    },
    Manager { systems: &["alpine"], program: "apk", arguments: &["add"], package: "postgresql" },
    Manager {
        systems: &["arch"],
        program: "pacman",
        arguments: &["--sync", "--needed", "--noconfirm"],
        package: "postgresql",
    },
    Manager {
        systems: &["suse", "opensuse", "sles"],
        program: "zypper",
        arguments: &["--non-interactive", "install"],
        package: "postgresql-server",
    },
    Manager { systems: &["macos"], program: "brew", arguments: &["install"], package: "postgresql@17" },
];

/// Debian's package makes a cluster of its own and starts it on a TCP port unless it is told not to. The script is
/// given the install command as its arguments. Package lists are fetched only where the first try fails for want of
/// them.
const APT_SCRIPT: &str = r#"
export DEBIAN_FRONTEND=noninteractive
directory=/etc/postgresql-common/createcluster.d
mkdir -p "$directory" && printf 'create_main_cluster = false\n' > "$directory/dispatch.conf" || exit 1
trap 'rm -f "$directory/dispatch.conf"; rmdir "$directory" 2>/dev/null' EXIT
"$@" || { apt-get update && "$@"; }
"#;

/// What would install a server here; nothing where we know no way.
pub fn offer() -> Option<Offer> {
    let manager = manager(&system())?;
    let program_exists = |name: &str| {
        std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).any(|path| path.join(name).is_file())
    };
    if !program_exists(manager.program) {
        return None;
    }
    // Homebrew refuses to run as root, so it never gets sudo.
    let needs_root = manager.program != "brew" && !account::is_root();
    if needs_root && !program_exists("sudo") {
        return None;
    }
    Some(manager.offer(needs_root))
}

/// Installs it, with its output and its questions (sudo's password) on the caller's terminal.
pub async fn run(offer: &Offer) -> Result<(), LocalError> {
    let is_apt = offer.command.iter().any(|word| word == "apt-get");
    let sudo = offer.command.first().is_some_and(|word| word == "sudo");
    let install = &offer.command[usize::from(sudo)..];
    let mut words: Vec<&str> = if sudo { vec!["sudo"] } else { Vec::new() };
    if is_apt {
        words.extend(["sh", "-c", APT_SCRIPT, "sh"]);
    }
    words.extend(install.iter().map(String::as_str));

    let failed = |outcome: String| LocalError::Install { command: offer.command.join(" "), outcome };
    let (program, arguments) = words.split_first().ok_or_else(|| failed("there is nothing to run".to_owned()))?;
    // What the package manager says is progress, and the answer on stdout stays clean.
    let status = Command::new(program).args(arguments).stdin(Stdio::inherit()).stdout(std::io::stderr()).status().await;
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(failed(status.to_string())),
        Err(error) => Err(failed(error.to_string())),
    }
}

/// What to do where there is no server, as part of a sentence.
pub(super) fn remedy() -> String {
    let configure = "set DISPATCH_POSTGRES_BIN to the directory that holds initdb, postgres and pg_ctl";
    match manager(&system()) {
        Some(manager) => {
            let needs_root = manager.program != "brew" && !account::is_root();
            let prefix = if needs_root { "sudo " } else { "" };
            let verb = manager.arguments.iter().find(|word| !word.starts_with('-')).unwrap_or(&"-S");
            format!("install it with `{prefix}{} {verb} {}`, {configure}", manager.program, manager.package)
        }
        None => format!("install the PostgreSQL server package of this system, {configure}"),
    }
}

impl Manager {
    fn offer(&self, sudo: bool) -> Offer {
        let words = sudo.then_some("sudo").into_iter().chain([self.program]);
        let words = words.chain(self.arguments.iter().copied()).chain([self.package]);
        Offer { package: self.package.to_owned(), command: words.map(str::to_owned).collect() }
    }
}

fn manager(systems: &[String]) -> Option<&'static Manager> {
    let known = |system: &String| MANAGERS.iter().find(|manager| manager.systems.contains(&system.as_str()));
    systems.iter().find_map(known)
}

/// The ids of this system, the most precise first.
fn system() -> Vec<String> {
    if cfg!(target_os = "macos") {
        return vec!["macos".to_owned()];
    }
    let read = |path: &str| fs::read_to_string(Path::new(path)).ok();
    read("/etc/os-release").or_else(|| read("/usr/lib/os-release")).map(|text| ids(&text)).unwrap_or_default()
}

/// `ID` and then `ID_LIKE`; openSUSE adds the name of its edition to its id.
fn ids(os_release: &str) -> Vec<String> {
    let value = |key: &str| {
        let line = os_release.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?;
        Some(line.trim_matches(['"', '\'']).to_owned())
    };
    let found = [value("ID"), value("ID_LIKE")].into_iter().flatten();
    let words: Vec<String> = found.flat_map(|line| line.split(' ').map(str::to_owned).collect::<Vec<_>>()).collect();
    words.into_iter().map(|word| word.split('-').next().unwrap_or_default().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_of_systems_is_offered_its_own_package() {
        for (os_release, command) in [
            ("ID=debian\n", "apt-get install --yes --no-install-recommends postgresql"),
            ("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n", "apt-get install --yes --no-install-recommends postgresql"),
            ("NAME=x\nID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n", "dnf install --assumeyes postgresql-server"),
            ("ID=alpine\n", "apk add postgresql"),
            ("ID=manjaro\nID_LIKE=arch\n", "pacman --sync --needed --noconfirm postgresql"),
            ("ID=\"opensuse-leap\"\nID_LIKE=\"suse opensuse\"\n", "zypper --non-interactive install postgresql-server"),
        ] {
            let offer = manager(&ids(os_release)).map(|manager| manager.offer(false));
            assert_eq!(offer.map(|offer| offer.command.join(" ")).as_deref(), Some(command));
        }
        assert!(manager(&ids("ID=plan9\n")).is_none());
    }

    #[test]
    fn sudo_comes_first_for_an_ordinary_user() {
        let offer = MANAGERS[0].offer(true);
        assert_eq!(offer.package, "postgresql");
        assert_eq!(offer.command[..2], ["sudo", "apt-get"]);
    }
}
