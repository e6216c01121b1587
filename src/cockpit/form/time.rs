//! Moments and windows as an operator types them, in the zone of the site.

use chrono::{
    DateTime, Datelike, Days, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike, Weekday,
};
use chrono_tz::Tz;

use crate::domain::payload::Window;
use crate::domain::time::Timestamp;

/// What is allowed, for an error to say.
pub const FORMS: &str = "Write 14:30, +2h, tomorrow 9, mon 8:00 or 2026-11-22 08:00.";
/// The same of a window, each of them whole.
const WINDOWS: &str = "Write 9-11, tomorrow 8:00 – 10:00, today 3pm-5pm or 2026-11-20 8:00-10:00.";

/// A window over midnight that is longer, in minutes, is a slip unless its day is said.
const OVERNIGHT: i64 = 12 * 60;

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

/// How long a window is: `2h`, `1h30m`, `45m`.
pub fn length(window: &Window) -> String {
    let minutes = (window.end.utc() - window.start.utc()).num_minutes();
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes}m"),
        (hours, 0) => format!("{hours}h"),
        (hours, minutes) => format!("{hours}h{minutes}m"),
    }
}

/// Reads a moment. A time alone is today's, of the day of `from`.
pub fn parse(text: &str, from: Timestamp, zone: Tz) -> Result<Timestamp, String> {
    moment(text, from, zone, false).map_err(|wrong| wrong.told(FORMS))
}

/// Why a text is no moment.
#[derive(Debug)]
enum Wrong {
    Unreadable(String),
    /// It is one that cannot be.
    Other(String),
}

impl Wrong {
    fn told(self, forms: &str) -> String {
        match self {
            Self::Unreadable(text) => format!("`{}` is no time. {forms}", text.chars().take(30).collect::<String>()),
            Self::Other(why) => why,
        }
    }
}

/// Reads a moment; `9` alone is one only in a window, where it can be nothing else.
fn moment(text: &str, from: Timestamp, zone: Tz, takes_hours: bool) -> Result<Timestamp, Wrong> {
    let text = text.trim().to_lowercase();
    let unreadable = || Wrong::Unreadable(text.clone());
    if let Some(at) = Timestamp::parse(&text.to_uppercase()) {
        return Ok(at);
    }
    if text == "now" {
        return Ok(from);
    }
    if let Some(rest) = text.strip_prefix(['+', '-']) {
        let minutes = minutes(rest).ok_or_else(unreadable)?;
        return later(from, if text.starts_with('-') { -minutes } else { minutes }).map_err(Wrong::Other);
    }
    let today = from.utc().with_timezone(&zone).date_naive();
    let alone = || if takes_hours { hour(&text) } else { clock(&text) };
    let (day, time) = match text.rsplit_once(char::is_whitespace) {
        None => match (alone(), day(&text, today)) {
            (Some(time), _) => (today, time),
            (None, Some(day)) => (day, NaiveTime::from_hms_opt(8, 0, 0).unwrap_or_default()),
            (None, None) => return Err(unreadable()),
        },
        Some((before, time)) => day(before.trim(), today).zip(hour(time)).ok_or_else(unreadable)?,
    };
    at_site(day.and_time(time), zone).map_err(Wrong::Other)
}

/// Reads a window: a start, and after a dash its end, a time of the same day, a moment or a length. A
/// start alone keeps the length there was.
pub fn parse_window(text: &str, from: Timestamp, length: TimeDelta, zone: Tz) -> Result<Window, String> {
    let read = |text: &str, from| moment(text, from, zone, true).map_err(|wrong| wrong.told(WINDOWS));
    let Some((start_text, end_text)) = ends(text, from, zone) else {
        let start = moment(text, from, zone, false).map_err(|wrong| wrong.told(WINDOWS))?;
        return Ok(Window { start, end: later(start, length.num_minutes())? });
    };
    let mut start = read(start_text, from)?;
    let end = read(end_text, start)?;
    // 3-5pm begins in the afternoon, 9-5pm in the morning.
    if end_text.trim().to_lowercase().ends_with("pm")
        && let Ok(afternoon) = moment(&format!("{}pm", start_text.trim()), from, zone, true)
        && afternoon < end
    {
        start = afternoon;
    }
    if end > start {
        return Ok(Window { start, end });
    }
    if hour(&end_text.trim().to_lowercase()).is_none() {
        return Err(format!("The window must end after it starts ({}).", shown(start, zone)));
    }
    // 22:00 – 02:00 ends on the next day.
    let next = next_day(end, zone)?;
    if (next.utc() - start.utc()).num_minutes() > OVERNIGHT {
        return Err(format!(
            "The end is before the start. To end on the next day, write {} – {}.",
            shown(start, zone),
            shown(next, zone)
        ));
    }
    Ok(Window { start, end: next })
}

/// Start and end of a window. A dash without space around it may be one of a date.
fn ends(text: &str, from: Timestamp, zone: Tz) -> Option<(&str, &str)> {
    let ends = text.split_once('–').or_else(|| text.split_once(" - ")).or_else(|| text.split_once(" to "));
    let is_moment = |text: &str, takes_hours| moment(text, from, zone, takes_hours).is_ok();
    if ends.is_some() || is_moment(text, false) {
        return ends;
    }
    let dashes = text.rmatch_indices('-').map(|(at, _)| text.split_at(at));
    let mut parts = dashes.filter_map(|(start, rest)| Some((start, rest.strip_prefix('-')?)));
    parts.find(|(start, end)| is_moment(start, true) && is_moment(end, true))
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

/// A time of the clock, or a whole hour.
fn hour(text: &str) -> Option<NaiveTime> {
    let is_number = !text.is_empty() && text.len() <= 2 && text.bytes().all(|b| b.is_ascii_digit());
    if is_number { NaiveTime::from_hms_opt(text.parse().ok()?, 0, 0) } else { clock(text) }
}

/// `8:00`, `14:30`, `8am`.
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
        // 9-11-13 is a slip, not a day of the year 9.
        return (day.year() >= 1000).then_some(day);
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
            ("9am", "2026-11-21T17:00:00Z"),
            ("tomorrow 9", "2026-11-22T17:00:00Z"),
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
    fn windows_are_read_as_people_write_them() {
        let read = |text: &str| parse_window(text, now(), TimeDelta::hours(2), LA);
        let window = |start: &str, end: &str| Ok(Window { start: at(start), end: at(end) });
        for text in
            ["9-11", "9:00-11:00", "9am-11", "9 to 11", "today 9am – 11am", "2026-11-21 9:00-11:00", "today 9-11am"]
        {
            assert_eq!(read(text), window("2026-11-21T17:00:00Z", "2026-11-21T19:00:00Z"), "{text}");
        }
        for text in ["today 3pm-5pm", "3-5pm", "15-17", "2026-11-21 15:00-2026-11-21 17:00", "3pm to +2h", "15:00"] {
            assert_eq!(read(text), window("2026-11-21T23:00:00Z", "2026-11-22T01:00:00Z"), "{text}");
        }
        assert_eq!(read("9-5pm"), window("2026-11-21T17:00:00Z", "2026-11-22T01:00:00Z"));
        assert_eq!(read("tomorrow 9"), window("2026-11-22T17:00:00Z", "2026-11-22T19:00:00Z"));
        assert_eq!(read("2026-11-22"), window("2026-11-22T16:00:00Z", "2026-11-22T18:00:00Z"));
        for wrong in ["9", "9-", "-", "2026-11", "8:00-25:00", "x-9", "9-11-13"] {
            assert!(read(wrong).unwrap_err().contains("tomorrow 8:00 – 10:00"), "{wrong}: {:?}", read(wrong));
        }
    }

    #[test]
    fn an_end_before_the_start_is_the_next_days_only_over_a_night() {
        let read = |text: &str| parse_window(text, now(), TimeDelta::hours(2), LA);
        assert_eq!(read("22:00 - 10:00").map(|window| length(&window)), Ok("12h".to_owned()));
        let wrong = read("14:30 - 13:00").unwrap_err();
        assert!(wrong.contains("The end is before the start"), "{wrong}");
        assert!(wrong.ends_with("write 2026-11-21 14:30 – 2026-11-22 13:00."), "{wrong}");
        assert_eq!(read("2026-11-21 14:30 – 2026-11-22 13:00").map(|window| length(&window)), Ok("22h30m".to_owned()));
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
