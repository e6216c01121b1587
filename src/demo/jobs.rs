//! What people call a door, lock and glass company about, in their own words, and what its
//! technicians write down.

/// A kind of job: its incident type and what is said about it.
#[derive(Debug)]
pub struct Job {
    pub incident: &'static str,
    /// What it may cost, in dollars: the least and the most.
    pub nte: (i64, i64),
    /// Summary and description; `{door}` is the door it is about, `{Door}` the same at the
    /// beginning of a sentence.
    pub calls: [(&'static str, &'static str); 8],
    /// What the technician notes once it is done.
    pub notes: [&'static str; 3],
    /// Why it turns out to be larger than agreed.
    pub surprises: [&'static str; 2],
}

/// Every kind of job.
pub static JOBS: [Job; 6] = [
    Job {
        incident: "DOOR_WONT_LATCH",
        nte: (250, 650),
        calls: [
            ("{Door} won't latch", "Closes but does not catch. Staff hold it shut with a wedge."),
            ("{Door} pops open after closing", "Latches on the third try if at all. Started after the cold snap."),
            ("Latch of {door} misses the strike", "You can see the bolt scraping below the strike plate."),
            ("{Door} drags and stays ajar", "Drags on the threshold for the last few inches. We lift it to close it."),
            ("{Door} does not hold when it is windy", "Blows open as soon as there is a draft. Alarm went off twice."),
            ("{Door} latch sticks inside the edge", "The bolt stays in when you let go of the handle."),
            ("{Door} rattles and comes open", "You hear it rattle all day; by evening it stands open."),
            ("{Door} needs a push to catch", "Everybody slams it by now because it will not catch otherwise."),
        ],
        notes: [
            "Strike lowered 3 mm and shimmed, hinges tightened. 25 cycles, latched every time.",
            "Replaced worn top hinge screws with longer ones, planed 1 mm off the edge. 30 cycles without a miss.",
            "Latch bolt cleaned and lubricated, strike lip bent back. 20 cycles from full open and from a crack.",
        ],
        surprises: ["Frame is out of plumb by 8 mm; hinges must move.", "Latch body is cracked and needs replacing."],
    },
    Job {
        incident: "CLOSER_LEAKING_OR_SLAMMING",
        nte: (300, 700),
        calls: [
            ("{Door} slams", "Slams hard enough to shake the wall. Somebody is going to lose a finger."),
            ("Closer of {door} leaks oil", "There is oil on the floor below it every morning. Slip hazard."),
            ("{Door} closes far too fast", "It hit an elderly customer on the heel yesterday. Please come soon."),
            ("{Door} stays open, closer is dead", "Does not close by itself any more. It is a fire door."),
            ("Closer arm of {door} has come loose", "Arm hangs down, screws are on the floor. We kept them."),
            ("{Door} bangs at night, neighbors complain", "Bangs shut whenever a delivery comes in after ten."),
            (
                "{Door} is too heavy to open since the service",
                "Closer was tightened last month; visitors cannot open it now.",
            ),
            ("Closer of {door} squeals", "Squeals on every opening. The office is right beside it."),
        ],
        notes: [
            "Sweep set to 5 s, latch speed to 1.5 s, backcheck on. Checked with the door loaded and empty.",
            "New closer body fitted, size 4. Sweep 6 s, latch 2 s. No oil after 40 cycles.",
            "Arm refastened with through bolts, sweep 5 s, latch 1 s. Customer watched ten closings.",
        ],
        surprises: [
            "Closer is past adjusting, a new body is needed.",
            "Door is 20 kg too heavy for this size of closer.",
        ],
    },
    Job {
        incident: "AUTO_OPERATOR_FAULT",
        nte: (450, 1400),
        calls: [
            ("{Door} operator does not open", "Button lights up, nothing moves. We hold it open by hand."),
            ("{Door} opens and closes by itself", "Cycles all day without anybody near. Sensor maybe?"),
            ("{Door} stops halfway", "Opens halfway, then beeps and stops. Wheelchairs cannot get through."),
            ("{Door} does not see people", "Closed on a customer with a stroller. We switched it off."),
            ("Operator of {door} grinds", "Loud grinding, smells warm. Switched off at the breaker."),
            ("{Door} push plate is dead", "Outer push plate does nothing, the inner one works."),
            ("{Door} opens late", "You stand before it for three seconds. People walk into the glass."),
            ("Yearly check of {door} is due", "Sticker on the operator expired last month."),
        ],
        notes: [
            "Header sensor re-aimed and cleaned. 15 activations each way, safety beam stops it every time.",
            "Drive belt replaced, opening force 62 N. 20 cycles, hold-open 5 s, both sensors tested.",
            "Push plate transmitter battery and antenna replaced. Cycle test and obstruction test passed.",
        ],
        surprises: [
            "Control board is burnt; part must be ordered.",
            "Motor draws twice its current and needs replacing.",
        ],
    },
    Job {
        incident: "CANNOT_SECURE_ENTRY",
        nte: (350, 1200),
        calls: [
            ("Cannot lock {door}", "Key turns without end. We close in an hour and cannot leave it open."),
            ("{Door} was forced last night", "Break-in. The lock hangs out of the door, police have been here."),
            ("Key broke off in {door}", "Half a key is in the cylinder, door is open and will not lock."),
            ("Deadbolt of {door} does not throw", "Bolt goes out half a finger and stops. Guard stands there now."),
            ("Panic bar of {door} does not relock", "Bar stays in, anybody can walk in from the street."),
            ("Master key lost: {door} is exposed", "A master key is gone since Thursday. This door matters most."),
            ("Lock of {door} was glued", "Somebody filled the cylinder with glue overnight. Second time this year."),
            ("{Door} unlocks by itself", "Electric strike clicks open every few minutes. Nobody is badging."),
        ],
        notes: [
            "Risk: entry open to the street. New cylinder fitted, two keys handed to the manager, who tested both.",
            "Temporary hasp and padlock fitted, door plated. Key handed over; permanent lock to follow.",
            "Panic bar dogging repaired, relocks. Walked the manager through the night check.",
        ],
        surprises: [
            "Mortise pocket is split, door needs a reinforcing plate.",
            "All six cylinders share the lost key.",
        ],
    },
    Job {
        incident: "HARDWARE_REPLACEMENT",
        nte: (300, 1100),
        calls: [
            ("Handle of {door} broke off", "Lever is in my hand. You can only open it from outside."),
            ("Replace worn hinges of {door}", "Sags and squeaks, screws no longer hold."),
            ("New keypad lock wanted for {door}", "Old keypad forgets its codes. Quote was accepted last week."),
            ("Exit device of {door} is worn out", "Inspector flagged it. Needs replacing before the re-inspection."),
            ("{Door} lever spins freely", "Spins both ways, opens nothing. Staff walk around the building."),
            ("Kick plate and pull of {door} loose", "Sharp edge sticks out, a child cut a hand on it."),
            ("Threshold of {door} has come loose", "Lifts at one end, somebody tripped over it this morning."),
            ("Rekey {door} after staff change", "Two people left this week. Keys were not all returned."),
        ],
        notes: [
            "Lever set HL-210 fitted, serial on the box photo. Function test from both sides, 20 times.",
            "Three ball-bearing hinges HB-45 fitted, gap even. Door swings free and latches.",
            "Exit device HX-8 fitted with new strike. Push test at three points, relatches.",
        ],
        surprises: ["Old holes do not fit the new device; wrap plate needed.", "Second leaf has the same wear."],
    },
    Job {
        incident: "FRAME_OR_GLASS_DAMAGE",
        nte: (400, 1800),
        calls: [
            ("Cracked glass in {door}", "Crack from corner to corner since this morning. It still holds."),
            ("Glass of {door} is shattered", "Glass all over the floor. We taped off the area."),
            ("Frame of {door} hit by a pallet jack", "Frame is bent in at knee height and the door rubs."),
            ("Storefront pane beside {door} broken", "Stone, it seems. Wide open to the street right now."),
            ("Sidelight of {door} has come loose", "Rubber hangs out and the pane rattles when a bus passes."),
            ("Fogged insulated glass at {door}", "Wet between the panes, cannot see who is outside."),
            ("Chipped edge on the glass of {door}", "Chip the size of a coin, sharp. We put tape on it."),
            ("Trim of {door} frame is rusted through", "You can put a finger through the frame at the bottom."),
        ],
        notes: [
            "Area made safe, broken pane out, board-up screwed and sealed. New pane measured: 914 x 2030, tempered.",
            "Tempered pane set on new blocks, beads back in. Edges checked, no movement. Nothing to follow up.",
            "Frame pulled straight and rewelded, primed. Follow-up: paint within a week.",
        ],
        surprises: [
            "Header is bent too; the frame section must come out.",
            "Pane is laminated, not tempered: dearer glass.",
        ],
    },
];

/// What a dispatcher asks back where a call left too much open.
pub const QUESTIONS: [&str; 4] = [
    "Which of the two doors is it, and who can let us in?",
    "Please send a photo of the lock, and say whether the door can be closed for the night.",
    "Is this covered by the service agreement or billed to the tenant? No answer on the phone.",
    "Caller left no opening hours. When can we come?",
];

/// Why more money is needed before anybody goes.
pub const DEAR: [&str; 4] = [
    "Quote above the NTE: part alone is $480",
    "After-hours rate applies, customer must agree",
    "Two technicians needed for the height",
    "Lift rental not covered by the agreement",
];

/// Why somebody is sent without a schedule.
pub const RATIONALES: [&str; 4] = [
    "Entry cannot be secured, store closes within the hour",
    "Glass on a public walkway, danger of injury",
    "Residents can walk out unseen, nurse is standing at the door",
    "Cash on site and the door stands open",
];

/// Why quality assurance sends a job back.
pub const REWORK: [&str; 3] = [
    "The after photo shows the closer still leaking. Go back and replace the seal.",
    "Cycle test is missing in the note. Repeat it, twenty cycles, and write it down.",
    "After photo is too dark to see the strike. Take it again and check the gap.",
];

/// Why there is no signature.
pub const NO_SIGNATURE: [&str; 4] = [
    "Site was closed when the work was done",
    "Manager was on the phone and waved us off",
    "Contact works remotely today",
    "Night staff may not sign",
];

/// A text of this list about a door: `{door}` within a sentence, `{Door}` at its beginning.
pub fn about(text: &str, door: &str) -> String {
    let mut letters = door.chars();
    let within = letters.next().map(|first| first.to_lowercase().chain(letters).collect::<String>());
    // A name such as ATM stays as it is written.
    let is_name = door.chars().take(2).filter(char::is_ascii_uppercase).count() == 2;
    let within = within.filter(|_| !is_name).unwrap_or_else(|| door.to_owned());
    text.replace("{Door}", door).replace("{door}", &format!("the {within}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::policy::Bundle;

    #[test]
    fn every_job_has_a_closeout_template_and_every_template_a_job() {
        let policy = &Bundle::embedded().policy;
        assert!(JOBS.iter().all(|job| policy.template(job.incident).is_some()));
        assert_eq!(policy.templates.len(), JOBS.len());
    }

    #[test]
    fn a_door_reads_well_at_the_beginning_and_within() {
        assert_eq!(about("{Door} slams", "Shop door"), "Shop door slams");
        assert_eq!(about("Cannot lock {door}", "Shop door"), "Cannot lock the shop door");
        assert_eq!(about("Cannot lock {door}", "ATM vestibule door"), "Cannot lock the ATM vestibule door");
    }
}
