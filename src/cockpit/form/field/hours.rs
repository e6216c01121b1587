//! Hours of the week that somebody works: `mon-fri 08:00-17:00, sat 09:00-12:00`.

use serde_json::{Value, json};

use super::read::{Read, Reader};

/// As the payload counts them.
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// A field of hours.
#[derive(Debug)]
pub struct Hours;

impl Hours {
    pub fn field() -> Read<Self> {
        Read::new(Self, 2_000)
    }
}

fn day(text: &str) -> Option<usize> {
    let start = text.get(..3)?.to_lowercase();
    DAYS.iter().position(|day| *day == start)
}

fn clock(text: &str) -> Option<String> {
    let (hours, minutes) = text.split_once(':')?;
    let (hours, rest): (u8, u8) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours < 24 && rest < 60 && minutes.len() == 2).then(|| format!("{hours:02}:{rest:02}"))
}

/// The days and hours of one entry.
fn entry(text: &str) -> Option<Vec<Value>> {
    let (days, hours) = text.trim().split_once(char::is_whitespace)?;
    let (start, end) = hours.trim().split_once(['-', '–'])?;
    let (start, end) = (clock(start.trim())?, clock(end.trim())?);
    let (first, last) = match days.split_once('-') {
        Some((first, last)) => (day(first)?, day(last)?),
        None => (day(days)?, day(days)?),
    };
    // fri-mon goes over the end of the week.
    let span = (last + DAYS.len() - first) % DAYS.len();
    let each = (0..=span).map(|n| (first + n) % DAYS.len());
    Some(each.map(|weekday| json!({"weekday": weekday, "start_time": start, "end_time": end})).collect())
}

fn written(hours: &Value) -> Option<String> {
    let day = DAYS.get(usize::try_from(hours.get("weekday")?.as_u64()?).ok()?)?;
    let time = |name: &str| hours.get(name).and_then(Value::as_str).and_then(|time| time.get(..5));
    Some(format!("{day} {}-{}", time("start_time")?, time("end_time")?))
}

impl Reader for Hours {
    fn read(&self, said: &str) -> Result<Value, String> {
        let entries = said.split(',').filter(|part| !part.trim().is_empty()).map(entry);
        let read: Option<Vec<Vec<Value>>> = entries.collect();
        read.map(|entries| Value::from(entries.concat()))
            .ok_or_else(|| "Write hours such as mon-fri 08:00-17:00, sat 09:00-12:00.".to_owned())
    }

    fn write(&self, value: &Value) -> String {
        let entries: Vec<String> = value.as_array().into_iter().flatten().filter_map(written).collect();
        entries.join(", ")
    }

    fn emptied(&self) -> Option<Value> {
        Some(Value::Array(Vec::new()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cockpit::form::field::Control;
    use crate::cockpit::form::testing::Stage;

    #[test]
    fn hours_are_read_by_day_and_by_span_of_days() {
        let world = Stage::new();
        let mut hours = Hours::field();
        world.scene(|scene| hours.paste("fri-mon 8:00-17:00, wednesday 09:00 - 12:30", scene));
        let value = hours.value().unwrap().unwrap();
        let days: Vec<_> = value.as_array().unwrap().iter().map(|hours| hours["weekday"].as_i64().unwrap()).collect();
        assert_eq!(days, [5, 6, 0, 1, 3]);
        assert_eq!(value[0], json!({"weekday": 5, "start_time": "08:00", "end_time": "17:00"}));
        let mut again = Hours::field();
        world.scene(|scene| again.fill(&value, scene));
        assert_eq!(again.value(), Ok(Some(value)));
        for wrong in ["mon", "mon 8-17", "xyz 08:00-17:00", "mon 25:00-26:00", "мон 08:00-09:00"] {
            world.scene(|scene| hours.restore(&wrong.into(), scene));
            assert!(hours.value().is_err(), "{wrong}");
        }
    }
}
