//! One of a few words; a yes or a no.

use crossterm::event::{KeyCode, KeyModifiers};
use ratatui::text::{Line, Span};
use serde_json::Value;

use super::{Control, Look, Scene, Took};
use crate::cockpit::keymap::Action;
use crate::cockpit::part::{Ask, Press};
use crate::cockpit::theme::Role;
use crate::text;

/// Space between two options.
const GAP: usize = 2;

/// A field of options, one of which is chosen, or none.
#[derive(Debug)]
pub struct Choice {
    options: Vec<(String, Value)>,
    chosen: Option<usize>,
    is_required: bool,
    is_touched: bool,
    /// It was just chosen by an arrow or a letter: space then means that, not the next one.
    was_named: bool,
}

impl Choice {
    /// The words of an enum.
    pub fn words(words: &[&str], is_required: bool) -> Self {
        let options = words.iter().map(|word| (word.replace('_', " "), Value::from(*word))).collect();
        Self { options, chosen: None, is_required, is_touched: false, was_named: false }
    }

    /// Yes, no, and where it may be left out, not said.
    pub fn tick(is_required: bool) -> Self {
        let options = vec![("yes".to_owned(), true.into()), ("no".to_owned(), false.into())];
        Self { options, chosen: None, is_required, is_touched: false, was_named: false }
    }

    fn choose(&mut self, chosen: Option<usize>) -> Took {
        let is_changed = self.chosen != chosen;
        self.is_touched |= is_changed;
        self.chosen = chosen;
        Took::used_and(is_changed)
    }

    /// The stops from left to right: where it may be left out, the first is that.
    fn stops(&self) -> Vec<Option<usize>> {
        let unsaid = (!self.is_required).then_some(None);
        unsaid.into_iter().chain((0..self.options.len()).map(Some)).collect()
    }

    fn step(&mut self, by: isize) -> Took {
        let stops = self.stops();
        let next = match stops.iter().position(|stop| *stop == self.chosen) {
            Some(at) => at.saturating_add_signed(by).min(stops.len().saturating_sub(1)),
            None if by < 0 => stops.len().saturating_sub(1),
            None => 0,
        };
        self.choose(stops.get(next).copied().flatten())
    }

    fn turn(&mut self) -> Took {
        let stops = self.stops();
        let at = stops.iter().position(|stop| *stop == self.chosen).map_or(0, |at| (at + 1) % stops.len().max(1));
        self.choose(stops.get(at).copied().flatten())
    }

    /// What stands where: row, column and width of each stop.
    fn placed(&self, width: usize) -> Vec<(usize, usize, usize, Option<usize>)> {
        let (mut row, mut column) = (0, 0);
        self.stops()
            .into_iter()
            .map(|stop| {
                let wide = text::width(self.word(stop)) + 2;
                if column > 0 && column + wide > width {
                    (row, column) = (row + 1, 0);
                }
                let place = (row, column, wide, stop);
                column += wide + GAP;
                place
            })
            .collect()
    }

    fn word(&self, stop: Option<usize>) -> &str {
        stop.and_then(|n| self.options.get(n)).map_or("not said", |(word, _)| word)
    }
}

impl Control for Choice {
    fn value(&self) -> Result<Option<Value>, String> {
        Ok(self.chosen.and_then(|n| self.options.get(n)).map(|(_, value)| value.clone()))
    }

    fn fill(&mut self, value: &Value, _: &Scene<'_>) -> Vec<Ask> {
        self.chosen = self.options.iter().position(|(_, option)| option == value);
        self.is_touched = false;
        Vec::new()
    }

    fn draft(&self) -> Value {
        match (self.is_touched, self.chosen.and_then(|n| self.options.get(n))) {
            (false, _) => Value::Null,
            (true, None) => Value::from(""),
            (true, Some((_, value))) => value.clone(),
        }
    }

    fn restore(&mut self, draft: &Value, scene: &Scene<'_>) -> Vec<Ask> {
        self.fill(draft, scene);
        self.is_touched = true;
        Vec::new()
    }

    fn press(&mut self, press: Press, _: &Scene<'_>) -> Took {
        let was_named = std::mem::replace(&mut self.was_named, press.action != Some(Action::Toggle));
        match press.action {
            Some(Action::Left) => self.step(-1),
            Some(Action::Right) => self.step(1),
            Some(Action::Toggle) if was_named => Took::used(),
            Some(Action::Toggle) => self.turn(),
            _ => {
                let KeyCode::Char(c) = press.key.code else { return Took::nothing() };
                if press.key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) {
                    return Took::nothing();
                }
                // The next one that begins with the letter.
                let begins = |n: usize| self.options.get(n).is_some_and(|(word, _)| starts_with(word, c));
                let after = self.chosen.map_or(0, |n| n + 1);
                let found = (after..self.options.len()).chain(0..after).find(|n| begins(*n));
                found.map_or_else(Took::used, |n| self.choose(Some(n)))
            }
        }
    }

    fn click(&mut self, column: usize, row: usize, width: usize, _: &Scene<'_>) -> Took {
        let hit =
            self.placed(width).into_iter().find(|(r, c, wide, _)| *r == row && (*c..*c + *wide).contains(&column));
        hit.map_or_else(Took::nothing, |(.., stop)| self.choose(stop))
    }

    fn lines(&self, look: &Look<'_>) -> Vec<Line<'static>> {
        let mut lines: Vec<Line<'static>> = Vec::new();
        let mut end = 0;
        for (row, column, wide, stop) in self.placed(look.width) {
            if lines.len() <= row {
                lines.push(Line::default());
                end = 0;
            }
            let is_chosen = stop == self.chosen;
            let role = match (is_chosen, look.is_focused) {
                (true, true) => Role::Focus,
                (true, false) => Role::Text,
                (false, _) => Role::Muted,
            };
            if let Some(line) = lines.last_mut() {
                line.push_span(Span::raw(" ".repeat(column.saturating_sub(end))));
                let mark = if is_chosen { '●' } else { '○' };
                let word = format!("{mark} {}", self.word(stop));
                line.push_span(Span::styled(text::cut(&word, look.width).into_owned(), look.style(role)));
            }
            end = column + wide;
        }
        lines
    }
}

fn starts_with(word: &str, c: char) -> bool {
    word.chars().next().is_some_and(|first| first.to_lowercase().eq(c.to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cockpit::form::testing::{Stage, type_into};
    use serde_json::json;

    fn priority(is_required: bool) -> Choice {
        Choice::words(&["EMERGENCY", "URGENT", "ROUTINE"], is_required)
    }

    #[test]
    fn space_after_an_arrow_confirms_and_once_more_goes_on() {
        let stage = Stage::new();
        let mut choice = Choice::words(&["EMERGENCY", "URGENT", "ROUTINE"], true);
        type_into(&mut choice, "right space", &stage);
        assert_eq!(choice.value(), Ok(Some("EMERGENCY".into())));
        type_into(&mut choice, "space", &stage);
        assert_eq!(choice.value(), Ok(Some("URGENT".into())));
    }

    #[test]
    fn arrows_space_and_first_letters_choose() {
        let world = Stage::new();
        let mut choice = priority(true);
        assert_eq!(choice.value(), Ok(None));
        for (keys, word) in [
            ("right", "EMERGENCY"),
            ("right right right", "ROUTINE"),
            ("space space", "EMERGENCY"),
            ("u", "URGENT"),
            ("left", "EMERGENCY"),
        ] {
            type_into(&mut choice, keys, &world);
            assert_eq!(choice.value(), Ok(Some(json!(word))), "{keys}");
        }
        assert!(!type_into(&mut choice, "down", &world).is_used);
    }

    #[test]
    fn what_may_be_left_out_can_be_left_out_again() {
        let world = Stage::new();
        let mut tick = Choice::tick(false);
        type_into(&mut tick, "y", &world);
        assert_eq!(tick.value(), Ok(Some(json!(true))));
        type_into(&mut tick, "n", &world);
        assert_eq!(tick.value(), Ok(Some(json!(false))));
        type_into(&mut tick, "left left", &world);
        assert_eq!((tick.value(), tick.draft()), (Ok(None), json!("")));
    }

    #[test]
    fn the_chosen_one_is_marked_and_can_be_clicked() {
        let world = Stage::new();
        let mut choice = priority(true);
        assert_eq!(world.lines(&choice, 80), ["○ EMERGENCY  ○ URGENT  ○ ROUTINE"]);
        world.scene(|scene| choice.click(15, 0, 80, scene));
        assert_eq!(world.lines(&choice, 80), ["○ EMERGENCY  ● URGENT  ○ ROUTINE"]);
        assert_eq!(world.lines(&choice, 14).len(), 3);
        world.scene(|scene| choice.click(2, 2, 14, scene));
        assert_eq!(choice.value(), Ok(Some(json!("ROUTINE"))));
    }
}
