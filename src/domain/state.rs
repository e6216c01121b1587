//! The states of a ticket and the legal steps between them (CONTRACT.md 2).

use super::words::words;

words! {
    /// The state of a ticket, in the order of the database's enum.
    pub enum State {
        New = "NEW",
        NeedsInfo = "NEEDS_INFO",
        Triaged = "TRIAGED",
        ApprovalRequired = "APPROVAL_REQUIRED",
        ReadyToSchedule = "READY_TO_SCHEDULE",
        ScheduleProposed = "SCHEDULE_PROPOSED",
        Scheduled = "SCHEDULED",
        PendingCustomerConfirmation = "PENDING_CUSTOMER_CONFIRMATION",
        Dispatched = "DISPATCHED",
        OnSite = "ON_SITE",
        InProgress = "IN_PROGRESS",
        OnHold = "ON_HOLD",
        CompletedPendingVerification = "COMPLETED_PENDING_VERIFICATION",
        Verified = "VERIFIED",
        Invoiced = "INVOICED",
        Closed = "CLOSED",
        Cancelled = "CANCELLED",
    }
}

words! {
    /// The phases operators think in.
    pub enum Phase {
        New = "new",
        Triaged = "triaged",
        Schedulable = "schedulable",
        Scheduled = "scheduled",
        Dispatched = "dispatched",
        Onsite = "onsite",
        CloseoutPending = "closeout_pending",
        Closed = "closed",
        Cancelled = "cancelled",
    }
}

use State as S;

impl State {
    /// Every state but the terminal ones.
    pub const OPEN: &'static [Self] = &[
        S::New,
        S::NeedsInfo,
        S::Triaged,
        S::ApprovalRequired,
        S::ReadyToSchedule,
        S::ScheduleProposed,
        S::Scheduled,
        S::PendingCustomerConfirmation,
        S::Dispatched,
        S::OnSite,
        S::InProgress,
        S::OnHold,
        S::CompletedPendingVerification,
        S::Verified,
        S::Invoiced,
    ];

    /// The states this one may be left to.
    pub const fn next(self) -> &'static [Self] {
        match self {
            S::New => &[S::NeedsInfo, S::Triaged, S::Cancelled],
            S::NeedsInfo => &[S::Triaged, S::Cancelled],
            S::Triaged => &[S::ApprovalRequired, S::ReadyToSchedule, S::Dispatched, S::Cancelled],
            S::ApprovalRequired => &[S::Triaged, S::ReadyToSchedule, S::InProgress, S::Cancelled],
            S::ReadyToSchedule => &[S::ScheduleProposed, S::Cancelled],
            S::ScheduleProposed => &[S::Scheduled, S::PendingCustomerConfirmation, S::Cancelled],
            S::Scheduled => &[S::ScheduleProposed, S::PendingCustomerConfirmation, S::Dispatched, S::Cancelled],
            S::PendingCustomerConfirmation => &[S::ScheduleProposed, S::Scheduled, S::Cancelled],
            S::Dispatched => &[S::Scheduled, S::OnSite, S::OnHold, S::Cancelled],
            S::OnSite => &[S::Scheduled, S::InProgress, S::OnHold, S::Cancelled],
            S::InProgress => {
                &[S::ApprovalRequired, S::Scheduled, S::OnHold, S::CompletedPendingVerification, S::Cancelled]
            }
            S::OnHold => &[S::ReadyToSchedule, S::Scheduled, S::Dispatched, S::InProgress, S::Cancelled],
            S::CompletedPendingVerification => &[S::Verified, S::InProgress, S::Closed, S::Cancelled],
            S::Verified => &[S::InProgress, S::Invoiced, S::Closed, S::Cancelled],
            S::Invoiced => &[S::InProgress, S::Closed, S::Cancelled],
            S::Closed | S::Cancelled => &[],
        }
    }

    /// The states a ticket may begin in.
    pub const FIRST: &'static [Self] = &[S::New, S::Triaged, S::ReadyToSchedule];

    /// Whether a step is legal; `from` is `None` for a ticket that is just being created.
    pub fn may_step(from: Option<Self>, to: Self) -> bool {
        from.map_or(Self::FIRST, Self::next).contains(&to)
    }

    /// Whether nothing more is to be done.
    pub const fn is_terminal(self) -> bool {
        matches!(self, S::Closed | S::Cancelled)
    }

    /// Whether the SLA clock stands still here (CONTRACT.md 9.2).
    pub const fn stops_clock(self) -> bool {
        matches!(self, S::CompletedPendingVerification | S::Verified | S::Invoiced | S::Closed | S::Cancelled)
    }

    /// The phase this state belongs to.
    pub const fn phase(self) -> Phase {
        match self {
            S::New | S::NeedsInfo => Phase::New,
            S::Triaged | S::ApprovalRequired => Phase::Triaged,
            S::ReadyToSchedule | S::ScheduleProposed | S::PendingCustomerConfirmation => Phase::Schedulable,
            S::Scheduled => Phase::Scheduled,
            S::Dispatched => Phase::Dispatched,
            S::OnSite | S::InProgress | S::OnHold => Phase::Onsite,
            S::CompletedPendingVerification | S::Verified | S::Invoiced => Phase::CloseoutPending,
            S::Closed => Phase::Closed,
            S::Cancelled => Phase::Cancelled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_states_are_all_but_the_terminal_ones() {
        let open: Vec<State> = State::ALL.iter().copied().filter(|state| !state.is_terminal()).collect();
        assert_eq!(open, State::OPEN);
    }

    #[test]
    fn every_state_can_be_reached_and_every_open_one_can_be_cancelled() {
        for &state in State::ALL {
            let reachable = State::FIRST.contains(&state) || State::ALL.iter().any(|from| from.next().contains(&state));
            assert!(reachable, "{state} cannot be reached");
            assert_eq!(state.next().contains(&State::Cancelled), !state.is_terminal(), "{state}");
        }
    }

    #[test]
    fn words_are_read_exactly() {
        assert_eq!(State::parse("ON_SITE"), Some(State::OnSite));
        assert_eq!(State::parse("on_site"), None);
        assert_eq!(State::parse("ON_SITE "), None);
    }
}
