//! A job from the call to the invoice, by keys alone.

use dispatch::store::local::Cluster;

use crate::lasting::cockpit_on;
use crate::own::Own;
use crate::post::Post;
use crate::support::World;
use crate::terminal::Terminal;

/// Somebody's day at a terminal.
pub struct Day<'a> {
    pub terminal: &'a Terminal,
    /// The server that goes away while a form is open, and comes back after it was sent.
    pub outages: Option<&'a Cluster>,
}

impl Day<'_> {
    /// Opens a tool's form from the menu, with the case of the ticket on the screen.
    fn open(&self, key: &str) -> &Terminal {
        let terminal = self.terminal.wait_idle().keys("a").wait_for("Actions on T-10001");
        terminal.keys(key).wait_for("ctrl-s send").wait_idle()
    }

    /// Sends the form that is open, and waits for the state that follows.
    async fn send(&self, state: &str) {
        if let Some(server) = self.outages {
            server.stop().await.unwrap();
            self.terminal.wait_for("No answer from the database");
        }
        self.terminal.keys("<ctrl-s>").wait_gone("ctrl-s send");
        if let Some(server) = self.outages {
            server.ensure_running().await.unwrap();
            self.terminal.wait_for("● live");
        }
        self.terminal.wait_for(&format!("T-10001 is {state}")).wait_idle();
        // The answer comes first, the row a moment later; what can be done next is told by the row.
        self.terminal.keys("a").wait_for(&format!("Actions on T-10001 · {state}")).keys("<esc>");
    }

    /// Acts in another role from here on.
    fn act_as(&self, role: &str) {
        let terminal = self.terminal.keys("R").wait_for("Act as").keys(role.get(..1).unwrap());
        terminal.keys("<enter>").wait_for(&format!("· {role}")).wait_idle();
    }

    /// Takes down the ticket of a caller.
    pub async fn create(&self) {
        let terminal = self.terminal.keys("n").wait_for("New ticket").text("harb").wait_for("Harbor Foods");
        terminal.keys("<enter>").wait_idle().text("pier").wait_for("Pier 9").keys("<enter>").wait_idle();
        terminal.text("Door will not latch");
        self.send("NEW").await;
    }

    /// Says how urgent the ticket is and what it is about.
    pub async fn triage(&self) {
        self.open("t").keys("<space> <tab>").text("closer").wait_idle().keys("<enter>").wait_idle();
        self.send("TRIAGED").await;
    }

    /// From the schedule to the site.
    async fn dispatch(&self) {
        self.open("p");
        self.send("SCHEDULE PROPOSED").await;
        self.open("c");
        self.send("SCHEDULED").await;
        self.open("d").text("ortiz").wait_for("R. Ortiz").keys("<enter>").wait_idle();
        self.send("DISPATCHED").await;
        self.act_as("technician");
        self.open("i");
        self.send("IN PROGRESS").await;
    }

    /// The work costs more than was agreed.
    async fn approve(&self) {
        self.open("r").keys("<space> <tab>").text("The arm is bent too").wait_idle();
        self.send("APPROVAL REQUIRED").await;
        self.act_as("approver");
        // The only approval that is open, and what is decided about it.
        self.open("a").keys("<enter>").wait_idle().keys("<space>").wait_idle();
        self.send("IN PROGRESS").await;
        self.act_as("technician");
    }

    /// From the proof to the invoice.
    async fn close_out(&self) {
        for key in
            ["photo_before_closer_body", "photo_after_closer_or_adjustment", "note_sweep_and_latch_speed_settings"]
        {
            // A photo is somewhere already; a note is written here.
            let (kind, what) = match key.strip_prefix("photo") {
                Some(_) => ("PHOTO", format!("s3://jobs/{key}.jpg")),
                None => ("NOTE", "Sweep at 5, latch at 4.".to_owned()),
            };
            let terminal = self.open("e").text(kind).wait_idle().keys("<enter>").wait_idle();
            terminal.text(&what).wait_idle().keys("<tab>").wait_idle().text(key).wait_idle();
            terminal.keys("<enter>").wait_idle().keys("<ctrl-s>").wait_gone("ctrl-s send").wait_for("✓").wait_idle();
        }
        let terminal = self.open("w");
        terminal.keys("<space> <down> <space> <down> <space> <down> <space> <down> <space> <tab>");
        terminal.text("Site was closed").wait_idle();
        self.send("COMPLETED PENDING VERIFICATION").await;
        self.act_as("qa");
        self.open("v").keys("<tab> <space>").wait_idle();
        self.send("VERIFIED").await;
        self.act_as("finance");
        self.open("b");
        self.send("INVOICED").await;
    }

    async fn whole(&self) {
        self.create().await;
        self.triage().await;
        self.dispatch().await;
        self.approve().await;
        self.close_out().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_is_taken_down_and_brought_to_its_invoice_with_the_role_switched_on_the_way() {
    let post = Post::new().await;
    let terminal = post.cockpit();
    Day { terminal: &terminal, outages: None }.whole().await;
    assert_eq!(post.of("state", "T-10001").await, "INVOICED");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_while_the_server_goes_away_before_every_step_and_comes_back() {
    let own = Own::new().await;
    let engine = own.engine(4).await;
    World::new(&engine).await;
    engine.store().close().await;
    let terminal = cockpit_on(&own);
    terminal.wait_for("● live").wait_idle();
    Day { terminal: &terminal, outages: Some(&own.cluster) }.whole().await;
    let events: i64 = sqlx::query_scalar("SELECT count(*) FROM audit_events WHERE ticket_id IS NOT NULL")
        .fetch_one(&own.owner().await)
        .await
        .unwrap();
    assert_eq!(events, 14, "each step exactly once");
    terminal.keys("q");
    assert!(terminal.wait_exit().success());
    assert_eq!(terminal.left_behind(), [""; 0]);
}
