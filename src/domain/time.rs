//! Moments as they go over the wire: UTC, to the millisecond, with `Z` (CONTRACT.md 1).

use std::fmt;

use chrono::{DateTime, Datelike, SecondsFormat, SubsecRound, TimeDelta, Utc};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A moment, kept to the millisecond by construction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(DateTime<Utc>);

impl Timestamp {
    /// The moment, cut to the millisecond.
    pub fn new(at: DateTime<Utc>) -> Self {
        Self(at.trunc_subsecs(3))
    }

    /// Reads ISO-8601 with a zone, of at least 20 characters (CONTRACT.md 6), in the years 1 to
    /// 9999 of UTC and with no leap second: what the database can hold.
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() >= 20).then_some(())?;
        let at = DateTime::parse_from_rfc3339(text).ok()?.with_timezone(&Utc);
        let holds = (1..=9999).contains(&at.year()) && at.timestamp_subsec_nanos() < 1_000_000_000;
        holds.then(|| Self::new(at))
    }

    /// The moment so many microseconds after 1970; the first or last that we can say, where it
    /// lies beyond.
    pub fn clamped(micros: i64) -> Self {
        /// The years 1 and 9999, from their first second and to their last.
        const FIRST: i64 = -62_135_596_800_000_000;
        const LAST: i64 = 253_402_300_799_000_000;
        Self::new(DateTime::from_timestamp_micros(micros.clamp(FIRST, LAST)).unwrap_or_default())
    }

    /// The moment as chrono knows it.
    pub fn utc(self) -> DateTime<Utc> {
        self.0
    }

    /// Milliseconds since 1970.
    pub fn millis(self) -> i64 {
        self.0.timestamp_millis()
    }

    /// The moment this many seconds later, or the last one chrono can say.
    #[must_use]
    pub fn plus_seconds(self, seconds: i64) -> Self {
        TimeDelta::try_seconds(seconds)
            .and_then(|delta| self.0.checked_add_signed(delta))
            .map_or(Self(DateTime::<Utc>::MAX_UTC), Self)
    }

    /// The moment this many minutes later, or the last one chrono can say.
    #[must_use]
    pub fn plus_minutes(self, minutes: i64) -> Self {
        TimeDelta::try_minutes(minutes)
            .and_then(|delta| self.0.checked_add_signed(delta))
            .map_or(Self(DateTime::<Utc>::MAX_UTC), Self)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
        // What a repair by hand may leave in the database.
        let text = match &*text {
            "infinity" => "9999-12-31T23:59:59Z",
            "-infinity" => "0001-01-01T00:00:00Z",
            other => other,
        };
        Self::parse(text).ok_or_else(|| de::Error::custom("not an ISO-8601 date and time with a zone"))
    }
}

impl JsonSchema for Timestamp {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Timestamp".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "date-time", "minLength": 20})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_in_utc_with_milliseconds() {
        let at = Timestamp::parse("2026-09-04T16:00:00.123987+02:00").unwrap();
        assert_eq!(at.to_string(), "2026-09-04T14:00:00.123Z");
        assert_eq!(serde_json::to_string(&at).unwrap(), "\"2026-09-04T14:00:00.123Z\"");
    }

    #[test]
    fn a_moment_needs_a_zone_and_twenty_characters() {
        assert!(Timestamp::parse("2026-09-04T16:00:00").is_none());
        assert!(Timestamp::parse("2026-09-04T16:00Z").is_none());
        assert!(Timestamp::parse("2026-09-04T16:00:00Z").is_some());
    }

    #[test]
    fn a_moment_is_one_that_the_database_can_hold() {
        for beyond in ["0000-01-01T00:00:00Z", "9999-12-31T23:59:59-01:00", "2026-12-31T23:59:60Z"] {
            assert!(Timestamp::parse(beyond).is_none(), "{beyond}");
        }
        assert!(serde_json::from_str::<Timestamp>("\"infinity\"").is_ok());
    }
}
