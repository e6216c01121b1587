//! The zone of whoever sits here. An offset alone would be wrong on the other side of a clock change, so it is kept
//! by its name where the system tells one.

use chrono::{DateTime, FixedOffset, Local, Offset, Utc};
use chrono_tz::Tz;

use crate::domain::time::Timestamp;

/// A zone, with its rules where they are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Zone {
    Named(Tz),
    /// As far from UTC as the clocks of this machine are now.
    Offset(FixedOffset),
}

impl Zone {
    /// UTC.
    pub const UTC: Self = Self::Named(Tz::UTC);

    /// The zone of this machine, as its clocks now show it.
    pub fn here() -> Self {
        let now = Local::now();
        let name = std::env::var("TZ").ok().or_else(|| {
            let link = std::fs::read_link("/etc/localtime").ok()?;
            link.to_str().map(str::to_owned)
        });
        Self::called(&name.unwrap_or_default(), now.to_utc(), now.offset().fix())
    }

    /// A zone by its name or the file of its rules, if that is what the clocks show.
    fn called(name: &str, now: DateTime<Utc>, offset: FixedOffset) -> Self {
        let name = name.split_once("zoneinfo/").map_or(name, |(_, name)| name).trim_start_matches(':');
        let zone = name.parse().map_or(Self::Offset(offset), Self::Named);
        if zone.of(now).offset() == &offset { zone } else { Self::Offset(offset) }
    }

    /// A moment as clocks here show it.
    pub fn at(self, at: Timestamp) -> DateTime<FixedOffset> {
        self.of(at.utc())
    }

    fn of(self, at: DateTime<Utc>) -> DateTime<FixedOffset> {
        match self {
            Self::Named(zone) => at.with_timezone(&zone).fixed_offset(),
            Self::Offset(offset) => at.with_timezone(&offset),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_known_by_its_name_where_the_clocks_agree() {
        let now = Timestamp::parse("2026-11-21T12:00:00.000Z").unwrap().utc();
        let [berlin, utc] = [3_600, 0].map(|seconds| FixedOffset::east_opt(seconds).unwrap());
        let named = Zone::Named(chrono_tz::Europe::Berlin);
        for name in
            ["Europe/Berlin", ":Europe/Berlin", "/usr/share/zoneinfo/Europe/Berlin", "../zoneinfo/Europe/Berlin"]
        {
            assert_eq!(Zone::called(name, now, berlin), named, "{name}");
        }
        assert_eq!(Zone::called("Europe/Berlin", now, utc), Zone::Offset(utc));
        assert_eq!(Zone::called("<-03>3", now, berlin), Zone::Offset(berlin));
    }
}
