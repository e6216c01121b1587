//! Moments and windows as an operator types them, in the zone of the site.

use chrono::{
    DateTime, Datelike, Days, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike, Weekday,
};
use chrono_tz::Tz;

use crate::domain::payload::Window;
use crate::domain::time::Timestamp;

/// What is allowed, for an error to say.
pub const FORMS: &str = "Write 14:30, +2h, tomorrow 8:00, mon 8:00 or 2026-11-22 08:00.";

/// A moment on the site's clock, as the fields show and read it again.
pub fn shown(at: Timestamp, zone: Tz) -> String {
    at.utc().with_timezone(&zone).format("%Y-%m-%d %H:%M").to_string()
}

/// What a moment's own text does not say: the day of the week and the zone's short name.
pub fn beside(at: Timestamp, zone: Tz) -> String {
    at.utc().with_timezone(&zone).format("%a %Z").to_string()
}

/// A window on the site's clock, its day once where it ends on the same.
pub fn shown_window(window: &Window, zone: Tz) -> String {
    let (start, end) = (window.start.utc().with_timezone(&zone), window.end.utc().with_timezone(&zone));
    let end = if start.date_naive() == end.date_naive() { end.format("%H:%M") } else { end.format("%Y-%m-%d %H:%M") };
    format!("{} – {end}", start.format("%Y-%m-%d %H:%M"))
}

/// Reads a moment. A time alone is today's, of the day of `from`.
pub fn parse(text: &str, from: Timestamp, zone: Tz) -> Result<Timestamp, String> {
    let text = text.trim().to_lowercase();
    if let Some(at) = Timestamp::parse(&text.to_uppercase()) {
        return Ok(at);
    }
    if text == "now" {
        return Ok(from);
    }
    if let Some(rest) = text.strip_prefix(['+', '-']) {
        let minutes = minutes(rest).ok_or_else(|| unreadable(&text))?;
        return later(from, if text.starts_with('-') { -minutes } else { minutes });
    }
    let today = from.utc().with_timezone(&zone).date_naive();
    let (day, time) = match text.rsplit_once(char::is_whitespace) {
        None => match (clock(&text), day(&text, today)) {
            (Some(time), _) => (today, time),
            (None, Some(day)) => (day, NaiveTime::from_hms_opt(8, 0, 0).unwrap_or_default()),
            (None, None) => return Err(unreadable(&text)),
        },
        Some((before, time)) => {
            let read = day(before.trim(), today).zip(clock(time));
            read.ok_or_else(|| unreadable(&text))?
        }
    };
    at_site(day.and_time(time), zone)
}

/// Reads a window: a start, and after a dash its end, a time of the same day, a moment or a length. A
/// start alone keeps the length there was.
pub fn parse_window(text: &str, from: Timestamp, length: TimeDelta, zone: Tz) -> Result<Window, String> {
    let ends = text.split_once('–').or_else(|| text.split_once(" - ")).or_else(|| text.split_once(" to "));
    let Some((start, end)) = ends else {
        let start = parse(text, from, zone)?;
        return Ok(Window { start, end: later(start, length.num_minutes())? });
    };
    let start = parse(start, from, zone)?;
    let end = end.trim();
    let mut read = parse(end, start, zone)?;
    if read <= start && clock(end).is_some() {
        // 22:00 – 02:00 ends on the next day.
        read = next_day(read, zone)?;
    }
    if read <= start {
        return Err(format!("The window must end after it starts ({}).", shown(start, zone)));
    }
    Ok(Window { start, end: read })
}

fn unreadable(text: &str) -> String {
    let text: String = text.chars().take(30).collect();
    format!("`{text}` is no time. {FORMS}")
}

/// A time of the clock on the site's wall as a moment.
fn at_site(local: NaiveDateTime, zone: Tz) -> Result<Timestamp, String> {
    let at: DateTime<Tz> = match local.and_local_timezone(zone) {
        LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => at,
        LocalResult::None => {
            return Err(format!(
                "{} does not exist there: the clocks go forward. Give a later time.",
                local.format("%H:%M")
            ));
        }
    };
    sayable(Timestamp::new(at.to_utc()))
}

fn sayable(at: Timestamp) -> Result<Timestamp, String> {
    if (1..=9999).contains(&at.utc().year()) { Ok(at) } else { Err(format!("The year is out of reach. {FORMS}")) }
}

fn later(at: Timestamp, minutes: i64) -> Result<Timestamp, String> {
    sayable(at.plus_minutes(minutes))
}

/// The same time of the next day.
fn next_day(at: Timestamp, zone: Tz) -> Result<Timestamp, String> {
    let local = at.utc().with_timezone(&zone).naive_local();
    let next = local.checked_add_days(Days::new(1)).ok_or_else(|| format!("The year is out of reach. {FORMS}"))?;
    at_site(next, zone)
}

/// So many hours later, or the same where there is no such moment.
pub fn plus_hours(at: Timestamp, hours: i64) -> Timestamp {
    later(at, hours * 60).unwrap_or(at)
}

/// Eight in the morning of the day after.
pub fn next_morning(at: Timestamp, zone: Tz) -> Timestamp {
    let day = at.utc().with_timezone(&zone).date_naive().checked_add_days(Days::new(1));
    let eight = day.and_then(|day| day.and_hms_opt(8, 0, 0));
    eight.and_then(|local| at_site(local, zone).ok()).unwrap_or(at)
}

/// The full hour after a moment, and two hours from then: what a window is where nobody said.
pub fn next_window(now: Timestamp, zone: Tz) -> Window {
    let local = now.utc().with_timezone(&zone);
    let past = i64::from(local.minute());
    let start = Timestamp::clamped((now.plus_minutes(60 - past).millis() / 60_000) * 60_000_000);
    Window { start, end: start.plus_minutes(120) }
}

/// `8`, `8:00`, `14:30`, `8am`.
fn clock(text: &str) -> Option<NaiveTime> {
    let (text, shift) = match (text.strip_suffix("am"), text.strip_suffix("pm")) {
        (Some(rest), _) => (rest, Some(0)),
        (_, Some(rest)) => (rest, Some(12)),
        _ => (text, None),
    };
    let (hours, minutes) = match text.split_once(':') {
        Some((hours, minutes)) if minutes.len() == 2 => (hours, minutes.parse().ok()?),
        None if shift.is_some() => (text, 0),
        _ => return None,
    };
    let hours: u32 = hours.parse().ok()?;
    let hours = match shift {
        Some(shift) if (1..=12).contains(&hours) => hours % 12 + shift,
        Some(_) => return None,
        None => hours,
    };
    NaiveTime::from_hms_opt(hours, minutes, 0)
}

/// `today`, `tomorrow`, `fri`, `2026-11-22`, `+3d`.
fn day(text: &str, today: NaiveDate) -> Option<NaiveDate> {
    match text {
        "today" => return Some(today),
        "tomorrow" | "tom" => return today.checked_add_days(Days::new(1)),
        _ => {}
    }
    if let Ok(day) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return Some(day);
    }
    let wanted: Weekday = text.parse().ok()?;
    (1..=7).filter_map(|n| today.checked_add_days(Days::new(n))).find(|day| day.weekday() == wanted)
}

/// `2h`, `90m`, `1d`, `2h30m`, in minutes.
fn minutes(text: &str) -> Option<i64> {
    let (mut sum, mut number, mut any) = (0_i64, String::new(), false);
    for c in text.chars().filter(|c| !c.is_whitespace()) {
        if c.is_ascii_digit() {
            number.push(c);
            continue;
        }
        let unit = match c {
            'm' => 1,
            'h' => 60,
            'd' => 24 * 60,
            'w' => 7 * 24 * 60,
            _ => return None,
        };
        sum = sum.checked_add(number.parse::<i64>().ok()?.checked_mul(unit)?)?;
        number.clear();
        any = true;
    }
    (any && number.is_empty() && sum < 100_000_000).then_some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LA: Tz = chrono_tz::America::Los_Angeles;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    /// A Saturday, 14:32 in Los Angeles.
    fn now() -> Timestamp {
        at("2026-11-21T22:32:00.000Z")
    }

    #[test]
    fn times_are_the_sites_and_read_as_people_write_them() {
        for (text, moment) in [
            ("14:30", "2026-11-21T22:30:00Z"),
            (" 2:30PM ", "2026-11-21T22:30:00Z"),
            ("+2h", "2026-11-22T00:32:00Z"),
            ("+1h30m", "2026-11-22T00:02:00Z"),
            ("-15m", "2026-11-21T22:17:00Z"),
            ("tomorrow 8:00", "2026-11-22T16:00:00Z"),
            ("tomorrow", "2026-11-22T16:00:00Z"),
            ("mon 9am", "2026-11-23T17:00:00Z"),
            ("saturday 9:15", "2026-11-28T17:15:00Z"),
            ("2026-11-22 08:00", "2026-11-22T16:00:00Z"),
            ("2026-07-01 08:00", "2026-07-01T15:00:00Z"),
            ("2026-11-22T08:00:00+02:00", "2026-11-22T06:00:00Z"),
            ("now", "2026-11-21T22:32:00Z"),
        ] {
            assert_eq!(parse(text, now(), LA), Ok(at(moment)), "{text}");
        }
        for wrong in [
            "",
            "25:00",
            "soon",
            "14",
            "+2",
            "+",
            "8:0",
            "13pm",
            "2026-13-01 08:00",
            "99999-01-01 08:00",
            "+99999999999999h",
        ] {
            assert!(parse(wrong, now(), LA).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_shown_reads_as_the_same_moment() {
        for text in ["2026-11-22T16:00:00Z", "2026-07-01T06:59:00Z"] {
            let window = Window { start: at(text), end: at(text).plus_minutes(600) };
            assert_eq!(parse(&shown(window.start, LA), now(), LA), Ok(window.start));
            let read = parse_window(&shown_window(&window, LA), now(), TimeDelta::zero(), LA);
            assert_eq!(read, Ok(window));
        }
        assert_eq!(beside(at("2026-11-22T16:00:00Z"), LA), "Sun PST");
    }

    #[test]
    fn an_hour_that_the_clocks_skip_is_told_and_one_they_repeat_is_the_first() {
        assert!(parse("2026-03-08 02:30", now(), LA).unwrap_err().contains("clocks go forward"));
        assert_eq!(parse("2026-11-01 01:30", now(), LA), Ok(at("2026-11-01T08:30:00Z")));
    }

    #[test]
    fn windows_end_by_time_length_or_not_at_all() {
        let read = |text: &str| parse_window(text, now(), TimeDelta::hours(2), LA);
        let window = |start: &str, end: &str| Ok(Window { start: at(start), end: at(end) });
        assert_eq!(read("tomorrow 8:00"), window("2026-11-22T16:00:00Z", "2026-11-22T18:00:00Z"));
        assert_eq!(read("tomorrow 8:00 – 9:30"), window("2026-11-22T16:00:00Z", "2026-11-22T17:30:00Z"));
        assert_eq!(read("tomorrow 22:00 - 02:00"), window("2026-11-23T06:00:00Z", "2026-11-23T10:00:00Z"));
        assert_eq!(read("tomorrow 8:00 to +3h"), window("2026-11-22T16:00:00Z", "2026-11-22T19:00:00Z"));
        assert!(read("tomorrow 8:00 - 2026-11-21 07:00").unwrap_err().contains("end after"));
    }

    #[test]
    fn keys_move_by_hours_and_to_the_morning() {
        assert_eq!(plus_hours(now(), -1), at("2026-11-21T21:32:00Z"));
        assert_eq!(next_morning(now(), LA), at("2026-11-22T16:00:00Z"));
        let window = next_window(now(), LA);
        assert_eq!((window.start, window.end), (at("2026-11-21T23:00:00Z"), at("2026-11-22T01:00:00Z")));
        let half = next_window(at("2026-11-21T22:10:30Z"), chrono_tz::Asia::Kolkata);
        assert_eq!(half.start, at("2026-11-21T22:30:00Z"));
    }
}
