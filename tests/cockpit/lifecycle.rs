//! A job from the call to the invoice, by keys alone.

use crate::post::Post;
use crate::terminal::Terminal;

/// Opens a tool's form from the menu, with the case of the ticket on the screen.
fn open(terminal: &Terminal, key: &str) {
    terminal.wait_idle().keys("a").wait_for("Actions on T-10001").keys(key).wait_for("ctrl-s send").wait_idle();
}

/// Sends the form that is open, and waits for the state that follows.
fn send(terminal: &Terminal, state: &str) {
    terminal.keys("<ctrl-s>").wait_gone("ctrl-s send").wait_for(&format!("T-10001 is {state}")).wait_idle();
}

/// Acts in another role from here on.
fn act_as(terminal: &Terminal, role: &str) {
    let letter = role.get(..1).unwrap();
    terminal.keys("R").wait_for("Act as").keys(letter).keys("<enter>").wait_for(&format!("· {role}")).wait_idle();
}

/// Takes down the ticket of a caller.
pub fn create(terminal: &Terminal) {
    terminal.keys("n").wait_for("New ticket").text("harb").wait_idle().keys("<enter>").wait_idle();
    terminal.text("pier").wait_idle().keys("<enter>").wait_idle().text("Door will not latch");
    send(terminal, "NEW");
}

/// Says how urgent the ticket is and what it is about.
pub fn triage(terminal: &Terminal) {
    open(terminal, "t");
    terminal.keys("<space> <tab>").text("closer").wait_idle().keys("<enter>").wait_idle();
    send(terminal, "TRIAGED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_is_taken_down_and_brought_to_its_invoice_with_the_role_switched_on_the_way() {
    let post = Post::new().await;
    let terminal = post.cockpit();
    create(&terminal);
    triage(&terminal);
    open(&terminal, "p");
    send(&terminal, "SCHEDULE PROPOSED");
    open(&terminal, "c");
    send(&terminal, "SCHEDULED");
    open(&terminal, "d");
    terminal.text("ortiz").wait_idle().keys("<enter>").wait_idle();
    send(&terminal, "DISPATCHED");
    act_as(&terminal, "technician");
    open(&terminal, "i");
    send(&terminal, "IN PROGRESS");
    for key in ["photo_before_closer_body", "photo_after_closer_or_adjustment", "note_sweep_and_latch_speed_settings"] {
        open(&terminal, "e");
        terminal.text("PHOTO").wait_idle().keys("<enter>").wait_idle();
        terminal.text(&format!("s3://jobs/{key}.jpg")).wait_idle().keys("<tab>").text(key).wait_idle();
        terminal.keys("<enter>").wait_idle();
        terminal.keys("<ctrl-s>").wait_gone("ctrl-s send").wait_for("✓").wait_idle();
    }
    open(&terminal, "w");
    terminal.keys("<space> <down> <space> <down> <space> <down> <space> <down> <space> <tab>");
    terminal.text("Site was closed").wait_idle();
    send(&terminal, "COMPLETED PENDING VERIFICATION");
    act_as(&terminal, "qa");
    open(&terminal, "v");
    terminal.keys("<tab> <space>").wait_idle();
    send(&terminal, "VERIFIED");
    act_as(&terminal, "finance");
    open(&terminal, "b");
    send(&terminal, "INVOICED");
    assert_eq!(post.of("state", "T-10001").await, "INVOICED");
}
