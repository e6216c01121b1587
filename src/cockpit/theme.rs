//! How things look, by what they mean. A theme is a file; nothing else names a colour.

use ratatui::style::{Color, Modifier, Style};

use crate::domain::words::words;

words! {
    /// What a piece of the screen means.
    pub enum Role {
        Text = "text",
        Muted = "muted",
        Accent = "accent",
        Title = "title",
        Border = "border",
        Focus = "focus",
        /// The row under the cursor.
        Selection = "selection",
        /// The same where another pane has the focus.
        SelectionAway = "selection.away",
        Key = "key",
        Input = "input",
        Disabled = "disabled",
        SlaOk = "sla.ok",
        SlaWarn = "sla.warn",
        SlaBreach = "sla.breach",
        SlaStopped = "sla.stopped",
        StateNew = "state.new",
        StatePlanned = "state.planned",
        StateWaiting = "state.waiting",
        StateOut = "state.out",
        StateDone = "state.done",
        PriorityEmergency = "priority.emergency",
        PriorityUrgent = "priority.urgent",
        PriorityRoutine = "priority.routine",
        /// What changed since it was last looked at.
        Unread = "unread",
        Success = "success",
        Warning = "warning",
        Error = "error",
        /// The line that says that something is wrong with the data.
        Banner = "banner",
        /// A row that just went into breach.
        Flash = "flash",
    }
}

/// A theme, ready to draw with.
#[derive(Debug, Clone, PartialEq)]
pub struct Theme {
    pub name: String,
    styles: Vec<Style>,
}

impl Theme {
    /// The style of what means this.
    pub fn style(&self, role: Role) -> Style {
        self.styles.get(role as usize).copied().unwrap_or_default()
    }

    /// No colours at all: weight and reversal alone carry it, beside marks and words.
    pub fn mono() -> Self {
        let styles = Role::ALL
            .iter()
            .map(|role| {
                let plain = Style::new().fg(Color::Reset).bg(Color::Reset);
                match role {
                    Role::Title | Role::Accent | Role::Focus | Role::Key | Role::SlaBreach | Role::Error => {
                        plain.add_modifier(Modifier::BOLD)
                    }
                    Role::PriorityEmergency | Role::Unread => plain.add_modifier(Modifier::BOLD),
                    Role::Selection | Role::Banner | Role::Flash => plain.add_modifier(Modifier::REVERSED),
                    Role::SelectionAway | Role::Input => plain.add_modifier(Modifier::UNDERLINED),
                    _ => plain,
                }
            })
            .collect();
        Self { name: "mono".to_owned(), styles }
    }
}
