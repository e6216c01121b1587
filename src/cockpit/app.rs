//! The model as the loop drives it.

use ratatui::Frame;

use super::effect::Effect;
use super::model::Model;
use super::msg::Msg;
use super::run::App;
use super::{update, view};

impl App for Model {
    fn update(&mut self, msg: Msg) -> Vec<Effect> {
        update::update(self, msg)
    }

    fn draw(&self, frame: &mut Frame<'_>) {
        view::view(self, frame);
    }

    fn wants_drawing(&mut self) -> bool {
        self.take_dirty()
    }

    /// The header's clock moves each second, as every countdown does.
    fn wants_ticks(&self) -> bool {
        true
    }
}
