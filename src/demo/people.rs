//! The people of the demo: technicians, the office, and names for those who call. All made up.

use crate::domain::actor::{Actor, Role};
use crate::engine::Caller;

/// Who works in the field.
#[derive(Debug)]
pub struct Technician {
    pub id: &'static str,
    pub name: &'static str,
    pub home: &'static str,
    pub regions: &'static [&'static str],
    pub skills: &'static [&'static str],
    /// When the working day begins and ends, on site time.
    pub hours: (&'static str, &'static str),
    pub active: bool,
}

const LATCH: &str = "DOOR_WONT_LATCH";
const CLOSER: &str = "CLOSER_LEAKING_OR_SLAMMING";
const OPERATOR: &str = "AUTO_OPERATOR_FAULT";
const SECURE: &str = "CANNOT_SECURE_ENTRY";
const HARDWARE: &str = "HARDWARE_REPLACEMENT";
const GLASS: &str = "FRAME_OR_GLASS_DAMAGE";
const ALL_ROUND: &str = "DEFAULT";

const DAY: (&str, &str) = ("07:00", "16:00");
const LATE: (&str, &str) = ("12:00", "21:00");
const NIGHT: (&str, &str) = ("21:00", "06:00");

const fn technician(
    id: &'static str,
    name: &'static str,
    home: &'static str,
    regions: &'static [&'static str],
    skills: &'static [&'static str],
    hours: (&'static str, &'static str),
) -> Technician {
    Technician { id, name, home, regions, skills, hours, active: true }
}

/// Everybody in the field.
pub static TECHNICIANS: [Technician; 17] = [
    technician("t-ortiz", "Rosa Ortiz", "CA", &["CA"], &[LATCH, CLOSER, HARDWARE, SECURE], DAY),
    technician("t-wu", "Jia Wu", "CA", &["CA"], &[OPERATOR, CLOSER, LATCH], DAY),
    technician("t-diaz", "Arturo Diaz", "CA", &["CA"], &[GLASS, SECURE], LATE),
    technician("t-kowal", "Hanna Kowal", "CA", &["CA"], &[ALL_ROUND], NIGHT),
    technician("t-mbeki", "Thandi Mbeki", "CA", &["CA", "NV"], &[HARDWARE, LATCH, SECURE], DAY),
    technician("t-okafor", "Chidi Okafor", "NY", &["NY"], &[SECURE, HARDWARE, LATCH], DAY),
    technician("t-rossi", "Paola Rossi", "NY", &["NY", "NJ"], &[GLASS, LATCH, CLOSER], DAY),
    technician("t-feld", "Sam Feld", "NY", &["NY"], &[OPERATOR, CLOSER], LATE),
    technician("t-park", "Minho Park", "NY", &["NY"], &[ALL_ROUND], NIGHT),
    technician("t-salas", "Lucia Salas", "TX", &["TX", "NM"], &[LATCH, CLOSER, HARDWARE], DAY),
    technician("t-boone", "Walt Boone", "TX", &["TX"], &[OPERATOR, SECURE], DAY),
    technician("t-nguyen", "Kim Nguyen", "TX", &["TX"], &[GLASS, SECURE, LATCH], LATE),
    technician("t-hale", "Dorothy Hale", "TX", &["TX"], &[ALL_ROUND], NIGHT),
    technician("t-lind", "Erik Lind", "WA", &["WA"], &[LATCH, CLOSER, OPERATOR], DAY),
    technician("t-tanaka", "Yuki Tanaka", "WA", &["WA"], &[GLASS, HARDWARE, SECURE], DAY),
    technician("t-brandt", "Ines Brandt", "WA", &["WA", "OR"], &[ALL_ROUND], LATE),
    Technician { active: false, ..technician("t-pike", "Gordon Pike", "NY", &["NY"], &[HARDWARE, SECURE], DAY) },
];

/// The dispatchers on shift.
pub const DISPATCHERS: [&str; 4] = ["maria", "devin", "aiko", "tomas"];
/// What takes calls at night.
pub const INTAKE_AGENT: &str = "intake-agent";
/// Who decides about money for the customers.
pub const APPROVERS: [&str; 2] = ["priya", "howard"];
/// Who looks at finished jobs.
pub const QA: [&str; 2] = ["lena", "joaquin"];
/// Who bills.
pub const FINANCE: &str = "omar";

/// Somebody in a role.
pub fn caller(id: &str, role: Role) -> Caller {
    Caller::local(Actor::local(id, role))
}

/// Given names of those who call.
pub const GIVEN: [&str; 24] = [
    "Abena", "Bruno", "Carla", "Dmitri", "Elena", "Farid", "Greta", "Hugo", "Imani", "Jonas", "Keiko", "Leon", "Mira",
    "Nadia", "Oscar", "Petra", "Quentin", "Rina", "Stefan", "Tova", "Umar", "Vera", "Wes", "Zola",
];
/// Their family names.
pub const FAMILY: [&str; 24] = [
    "Adler",
    "Bianchi",
    "Cole",
    "Drummond",
    "Eze",
    "Fonseca",
    "Gupta",
    "Hart",
    "Ivers",
    "Jansen",
    "Kaya",
    "Lowe",
    "Moreau",
    "Nilsen",
    "Osei",
    "Prentice",
    "Quist",
    "Reyes",
    "Sato",
    "Tran",
    "Underhill",
    "Vance",
    "Webb",
    "Yoder",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::jobs::JOBS;
    use crate::demo::places::ACCOUNTS;

    #[test]
    fn every_job_can_be_done_everywhere_there_is_a_customer() {
        for site in ACCOUNTS.iter().flat_map(|account| account.sites) {
            for job in &JOBS {
                let can = |tech: &Technician| {
                    tech.active && tech.regions.contains(&site.region) && {
                        tech.skills.contains(&job.incident) || tech.skills.contains(&ALL_ROUND)
                    }
                };
                assert!(TECHNICIANS.iter().filter(|tech| can(tech)).count() >= 2, "{} {}", site.name, job.incident);
            }
        }
    }
}
