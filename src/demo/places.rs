//! The customers of the demo's company and where they are. All of them are made up.

use std::borrow::Cow;

/// A customer.
#[derive(Debug)]
pub struct Account {
    pub name: Cow<'static, str>,
    /// The domain of its mail addresses.
    pub mail: Cow<'static, str>,
    /// Doors that people there call about; the first opens by itself.
    pub doors: [&'static str; 5],
    /// What somebody who reports something does there.
    pub roles: [&'static str; 2],
    pub sites: &'static [Site],
}

/// A place of a customer.
#[derive(Debug)]
pub struct Site {
    pub name: Cow<'static, str>,
    pub address: Cow<'static, str>,
    pub city: &'static str,
    pub region: &'static str,
    pub postal_code: &'static str,
    pub access: &'static str,
}

impl Site {
    /// Its time zone. El Paso keeps mountain time, the rest of Texas does not.
    pub fn timezone(&self) -> &'static str {
        match (self.region, self.city) {
            ("NY", _) => "America/New_York",
            ("TX", "El Paso") => "America/Denver",
            ("TX", _) => "America/Chicago",
            _ => "America/Los_Angeles",
        }
    }

    /// The area code of its telephones.
    pub fn area_code(&self) -> &'static str {
        match (self.region, self.city) {
            ("NY", _) => "212",
            ("TX", "El Paso") => "915",
            ("TX", _) => "512",
            ("WA", _) => "206",
            _ => "415",
        }
    }
}

const fn site(
    name: &'static str,
    address: &'static str,
    city: &'static str,
    region: &'static str,
    postal_code: &'static str,
    access: &'static str,
) -> Site {
    Site { name: Cow::Borrowed(name), address: Cow::Borrowed(address), city, region, postal_code, access }
}

/// Every customer.
pub static ACCOUNTS: [Account; 12] = [
    Account {
        name: Cow::Borrowed("Tidebasket Grocers"),
        mail: Cow::Borrowed("tidebasket.example"),
        doors: ["Front entrance", "Receiving dock door", "Walk-in cooler door", "Stockroom door", "Pharmacy door"],
        roles: ["Store manager", "Night lead"],
        sites: &[
            site(
                "Tidebasket Mission",
                "2350 Folsom St",
                "San Francisco",
                "CA",
                "94110",
                "Ring at receiving, rear alley.",
            ),
            site(
                "Tidebasket Lakeshore",
                "3100 Lakeshore Ave",
                "Oakland",
                "CA",
                "94610",
                "Check in at the service desk.",
            ),
            site("Tidebasket Ballard", "5600 24th Ave NW", "Seattle", "WA", "98107", "Park in the dock, bay 2."),
            site("Tidebasket Proctor", "2700 N 27th St", "Tacoma", "WA", "98407", "Manager carries the keys."),
        ],
    },
    Account {
        name: Cow::Borrowed("Junipera Family Clinics"),
        mail: Cow::Borrowed("junipera.example"),
        doors: ["Main entrance", "Exam wing door", "Medication room door", "Staff entrance", "Imaging suite door"],
        roles: ["Clinic manager", "Facilities lead"],
        sites: &[
            site("Junipera Elm Street", "410 Elm St", "San Jose", "CA", "95112", "Patients until 18:00: work quietly."),
            site("Junipera Eastlake", "1900 E Riverside Dr", "Austin", "TX", "78741", "Badge at the front desk."),
            site("Junipera Westside", "7100 Mesa St", "El Paso", "TX", "79912", "Use the ambulance entrance."),
        ],
    },
    Account {
        name: Cow::Borrowed("Ochre Hollow School District"),
        mail: Cow::Borrowed("ochrehollow.example"),
        doors: ["Gym door", "Bus loop entrance", "Cafeteria door", "Library entrance", "Boiler room door"],
        roles: ["Head custodian", "Facilities office"],
        sites: &[
            site(
                "Ochre Hollow High",
                "1200 Quarry Rd",
                "Round Rock",
                "TX",
                "78664",
                "Sign in at the office, photo ID.",
            ),
            site(
                "Ochre Hollow Middle",
                "845 Cedar Bend",
                "Round Rock",
                "TX",
                "78665",
                "No work in corridors between bells.",
            ),
            site("Prairie View Elementary", "60 Bluebonnet Ln", "Georgetown", "TX", "78626", "Custodian until 22:00."),
        ],
    },
    Account {
        name: Cow::Borrowed("Stonegable Property Management"),
        mail: Cow::Borrowed("stonegable.example"),
        doors: ["Lobby door", "Garage man door", "Roof access door", "Mail room door", "Service entrance"],
        roles: ["Superintendent", "Property manager"],
        sites: &[
            site(
                "Stonegable Tower",
                "88 Greenwich St",
                "New York",
                "NY",
                "10006",
                "Freight elevator, book with the desk.",
            ),
            site("The Harlow", "215 W 95th St", "New York", "NY", "10025", "Super lives in 1A."),
            site("Court Street Lofts", "140 Court St", "Brooklyn", "NY", "11201", "Lockbox at the side gate."),
            site("Foundry Row", "31 Steuart St", "San Francisco", "CA", "94105", "Security desk has the keys."),
        ],
    },
    Account {
        name: Cow::Borrowed("Quillfeather Hotels"),
        mail: Cow::Borrowed("quillfeather.example"),
        doors: ["Lobby entrance", "Ballroom door", "Guest stair door", "Pool entrance", "Loading bay door"],
        roles: ["Chief engineer", "Duty manager"],
        sites: &[
            site(
                "Quillfeather Embarcadero",
                "1 Front St",
                "San Francisco",
                "CA",
                "94111",
                "Ask for the chief engineer.",
            ),
            site("Quillfeather Midtown", "340 E 46th St", "New York", "NY", "10017", "Service entrance on 47th."),
            site("Quillfeather Riverwalk", "210 S Presa St", "San Antonio", "TX", "78205", "Radio at the loading bay."),
        ],
    },
    Account {
        name: Cow::Borrowed("Lanternfield Bank"),
        mail: Cow::Borrowed("lanternfield.example"),
        doors: ["Branch entrance", "Teller line door", "ATM vestibule door", "Vault corridor door", "Back office door"],
        roles: ["Branch manager", "Security officer"],
        sites: &[
            site(
                "Lanternfield Court Square",
                "25 Jackson Ave",
                "Queens",
                "NY",
                "11101",
                "Two-person rule: wait for the guard.",
            ),
            site("Lanternfield Hudson", "70 Main St", "Yonkers", "NY", "10701", "Alarm company must be called first."),
            site("Lanternfield Pike", "1420 4th Ave", "Seattle", "WA", "98101", "Escort needed past the teller line."),
        ],
    },
    Account {
        name: Cow::Borrowed("Bluewick Cold Storage"),
        mail: Cow::Borrowed("bluewick.example"),
        doors: ["Freezer dock door", "Blast cell door", "Driver entrance", "Engine room door", "Office entrance"],
        roles: ["Shift supervisor", "Maintenance planner"],
        sites: &[
            site(
                "Bluewick Port",
                "1700 Maritime St",
                "Oakland",
                "CA",
                "94607",
                "Hard hat and vest. Gate code at dispatch.",
            ),
            site(
                "Bluewick Stockyards",
                "2600 N Main St",
                "Fort Worth",
                "TX",
                "76164",
                "Ammonia alarm briefing on arrival.",
            ),
        ],
    },
    Account {
        name: Cow::Borrowed("Snowline County Libraries"),
        mail: Cow::Borrowed("snowline.example"),
        doors: ["Main entrance", "Book drop door", "Children's wing door", "Staff entrance", "Meeting room door"],
        roles: ["Branch librarian", "Facilities lead"],
        sites: &[
            site(
                "Snowline Central",
                "1000 Alder Ave",
                "Bellevue",
                "WA",
                "98004",
                "Closed Mondays; facilities has keys.",
            ),
            site("Snowline Cedar Mill", "415 Mill Rd", "Renton", "WA", "98055", "Alarm panel behind the desk."),
            site("Snowline Harborview", "77 Dock St", "Tacoma", "WA", "98402", "Use the staff entrance after 20:00."),
        ],
    },
    Account {
        name: Cow::Borrowed("Crumb & Kettle Bakeries"),
        mail: Cow::Borrowed("crumbkettle.example"),
        doors: ["Shop door", "Flour store door", "Oven room door", "Delivery door", "Patio door"],
        roles: ["Shop manager", "Head baker"],
        sites: &[
            site("Crumb & Kettle Main St", "55 Main St", "Brooklyn", "NY", "11201", "Bakers are in from 03:00."),
            site(
                "Crumb & Kettle Astoria",
                "30-10 Broadway",
                "Queens",
                "NY",
                "11106",
                "Deliveries until 09:00, no parking.",
            ),
            site("Crumb & Kettle Noe", "3900 24th St", "San Francisco", "CA", "94114", "Side gate, ring twice."),
        ],
    },
    Account {
        name: Cow::Borrowed("Mesawind Logistics"),
        mail: Cow::Borrowed("mesawind.example"),
        doors: ["Dock 4 man door", "Driver lounge door", "Office entrance", "Cage door", "Guard house door"],
        roles: ["Dock supervisor", "Site manager"],
        sites: &[
            site(
                "Mesawind Alliance",
                "4800 Henrietta Creek",
                "Fort Worth",
                "TX",
                "76177",
                "Guard house issues badges.",
            ),
            site("Mesawind Borderland", "12400 Rojas Dr", "El Paso", "TX", "79928", "Stay inside the yellow lines."),
            site("Mesawind Kent Valley", "6800 S 212th St", "Kent", "WA", "98032", "Check in at the driver window."),
        ],
    },
    Account {
        name: Cow::Borrowed("Pier 9 Fish Market"),
        mail: Cow::Borrowed("pier9fish.example"),
        doors: ["Market hall entrance", "Ice room door", "Auction floor door", "Pier entrance", "Office door"],
        roles: ["Market manager", "Harbor watch"],
        sites: &[
            site(
                "Pier 9",
                "Pier 9, The Embarcadero",
                "San Francisco",
                "CA",
                "94111",
                "Auction 04:00 to 08:00: keep clear.",
            ),
            site("Pier 9 Annex", "200 Harbor Dr", "Sausalito", "CA", "94965", "Harbor office has the key."),
        ],
    },
    Account {
        name: Cow::Borrowed("Fernhollow Senior Homes"),
        mail: Cow::Borrowed("fernhollow.example"),
        doors: ["Front entrance", "Memory care door", "Garden door", "Kitchen door", "Dining room door"],
        roles: ["Administrator", "Night nurse"],
        sites: &[
            site(
                "Fernhollow Oak Plaza",
                "900 Oak Ave",
                "Berkeley",
                "CA",
                "94707",
                "Residents wander: never prop a door.",
            ),
            site("Fernhollow Greenlake", "7200 Greenlake Dr N", "Seattle", "WA", "98115", "Sign the visitor book."),
            site("Fernhollow Pelham", "18 Wynnewood Rd", "Pelham", "NY", "10803", "Quiet hours from 21:00."),
        ],
    },
];
