//! Stand-in until the forms land.
use ratatui::{Frame, layout::Rect};

use super::keymap::Scope;
use super::part::{Ask, Part, Press, World};
use crate::domain::directory::Kind;
use crate::domain::tool::Tool;
use crate::engine::Refused;

#[derive(Debug)]
pub struct Form;

impl Form {
    pub fn open(_tool: &'static Tool, _kind: Option<Kind>, _world: &World<'_>) -> (Self, Vec<Ask>) {
        (Self, Vec::new())
    }
    pub fn place(&mut self, _refused: &Refused) {}
}

impl Part for Form {
    fn scope(&self) -> Scope {
        Scope::Form
    }
    fn press(&mut self, _press: Press, _world: &World<'_>) -> Vec<Ask> {
        vec![Ask::Close]
    }
    fn draw(&self, _frame: &mut Frame<'_>, _area: Rect, _world: &World<'_>) {}
}
