//! A larger company: more customers, sites and technicians than the day knows by name, put together
//! from lists. The same place in the list always gives the same one.

use std::borrow::Cow;

use super::people::{self, TECHNICIANS};
use super::places::{ACCOUNTS, Account, Site};
use crate::domain::ticket;

/// Tickets a site has, and the most sites there are.
const TICKETS_A_SITE: usize = 40;
const MOST_SITES: usize = 5_000;
/// Sites an account has, roughly.
const SITES_AN_ACCOUNT: usize = 15;
/// Open tickets a technician has, and the most technicians there are.
const TICKETS_A_TECHNICIAN: usize = 100;
const MOST_TECHNICIANS: usize = 300;

/// The first word of a customer's name.
const BRANDS: [&str; 40] = [
    "Alderbrook",
    "Amberlight",
    "Bayhollow",
    "Birchgate",
    "Brassfield",
    "Cinderford",
    "Cloverdene",
    "Copperline",
    "Dovecote",
    "Driftmark",
    "Eastmere",
    "Emberton",
    "Fallowgate",
    "Flintridge",
    "Glasswater",
    "Goldenrow",
    "Hazelmoor",
    "Heronsway",
    "Ironleaf",
    "Kestrel Point",
    "Larkspur",
    "Lindenhall",
    "Marrowstone",
    "Millrace",
    "Northlight",
    "Oakhaven",
    "Orchard Row",
    "Pebbleford",
    "Quarrylane",
    "Redfern",
    "Rivermont",
    "Saltmarsh",
    "Silverbirch",
    "Stillwater",
    "Thornbury",
    "Tidewater",
    "Umberfield",
    "Vinegate",
    "Westbrook",
    "Yarrowfield",
];

/// What a customer does, and the place in `ACCOUNTS` of one whose doors are the same.
const TRADES: [(&str, usize); 11] = [
    ("Markets", 0),
    ("Clinics", 1),
    ("Schools", 2),
    ("Properties", 3),
    ("Hotels", 4),
    ("Savings", 5),
    ("Cold Storage", 6),
    ("Libraries", 7),
    ("Bakeries", 8),
    ("Freight", 9),
    ("Senior Homes", 11),
];

const STREETS: [&str; 30] = [
    "Aspen", "Bluff", "Canal", "Cherry", "Chestnut", "Depot", "Dogwood", "Elmwood", "Ferry", "Grant", "Grove", "Hill",
    "Juniper", "Lake", "Laurel", "Maple", "Market", "Mill", "Monroe", "Orchard", "Park", "Pearl", "Pine", "Prospect",
    "River", "Spruce", "Summit", "Union", "Walnut", "Willow",
];

/// Where there are technicians for every kind of job: city, region, postal code.
const CITIES: [(&str, &str, &str); 24] = [
    ("San Francisco", "CA", "94103"),
    ("New York", "NY", "10011"),
    ("Austin", "TX", "78702"),
    ("Seattle", "WA", "98109"),
    ("Oakland", "CA", "94612"),
    ("Brooklyn", "NY", "11215"),
    ("Houston", "TX", "77007"),
    ("Tacoma", "WA", "98402"),
    ("San Jose", "CA", "95113"),
    ("Queens", "NY", "11106"),
    ("Dallas", "TX", "75204"),
    ("Bellevue", "WA", "98004"),
    ("Sacramento", "CA", "95814"),
    ("Yonkers", "NY", "10701"),
    ("San Antonio", "TX", "78205"),
    ("Spokane", "WA", "99201"),
    ("Fresno", "CA", "93721"),
    ("Albany", "NY", "12207"),
    ("El Paso", "TX", "79901"),
    ("Everett", "WA", "98201"),
    ("Berkeley", "CA", "94704"),
    ("Buffalo", "NY", "14202"),
    ("Fort Worth", "TX", "76102"),
    ("Renton", "WA", "98057"),
];

const ACCESS: [&str; 6] = [
    "Check in at the front desk.",
    "Ring at the rear entrance.",
    "Call the site contact on arrival.",
    "Sign the visitor book.",
    "Keys are with security.",
    "Loading bay in the side street.",
];

/// How many more customers and sites so many tickets need beside those of the day.
pub fn sites_for(tickets: usize) -> usize {
    tickets.div_ceil(TICKETS_A_SITE).min(MOST_SITES)
}

/// How many more technicians so many open tickets need.
pub fn technicians_for(open_tickets: usize) -> usize {
    (open_tickets / TICKETS_A_TECHNICIAN).min(MOST_TECHNICIANS)
}

/// So many sites, by account.
pub fn accounts(sites: usize) -> Vec<(Account, Vec<Site>)> {
    let count = sites.div_ceil(SITES_AN_ACCOUNT).min(BRANDS.len() * TRADES.len());
    (0..count)
        .map(|n| {
            let (brand, (trade, like)) = (BRANDS[n % BRANDS.len()], TRADES[(n + n / BRANDS.len()) % TRADES.len()]);
            let model = &ACCOUNTS[like];
            let mail = format!("{}-{}.example", brand.replace(' ', ""), trade.replace(' ', "")).to_lowercase();
            let account = Account {
                name: Cow::Owned(format!("{brand} {trade}")),
                mail: Cow::Owned(mail),
                doors: model.doors,
                roles: model.roles,
                sites: &[],
            };
            let here = (n..sites).step_by(count).enumerate().map(|(k, at)| site(brand, k, at)).collect();
            (account, here)
        })
        .collect()
}

/// The k-th site of a customer, the at-th of all.
fn site(brand: &str, k: usize, at: usize) -> Site {
    let street = STREETS[(k * 7 + at) % STREETS.len()];
    let (city, region, postal_code) = CITIES[at % CITIES.len()];
    Site {
        name: Cow::Owned(format!("{brand} {street} {}", k + 1)),
        address: Cow::Owned(format!("{} {street} St", 100 + (at * 37) % 9_800)),
        city,
        region,
        postal_code,
        access: ACCESS[at % ACCESS.len()],
    }
}

/// The n-th technician beyond those of the day: as able as one of those, under a name of their own.
pub fn technician(n: usize) -> (ticket::Technician, (&'static str, &'static str)) {
    let able: Vec<&people::Technician> = TECHNICIANS.iter().filter(|tech| tech.active).collect();
    let like = able[n % able.len()];
    let given = people::GIVEN[n % people::GIVEN.len()];
    let family = people::FAMILY[(n + n / people::GIVEN.len()) % people::FAMILY.len()];
    let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect();
    let technician = ticket::Technician {
        id: format!("t-{}-{:03}", family.to_lowercase(), n + 1),
        name: format!("{given} {family}"),
        active: true,
        home_region: Some(like.home.to_owned()),
        phone: None,
        skills: words(like.skills),
        regions: words(like.regions),
    };
    (technician, like.hours)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn there_are_as_many_sites_as_wanted_and_no_two_customers_or_sites_share_a_name() {
        for wanted in [0, 1, 14, 16, 900, MOST_SITES] {
            let all = accounts(wanted);
            let sites: Vec<&Site> = all.iter().flat_map(|(_, sites)| sites).collect();
            assert_eq!(sites.len(), wanted);
            let names: BTreeSet<&str> = all.iter().map(|(account, _)| &*account.name).collect();
            assert_eq!(names.len(), all.len());
        }
        let all = accounts(MOST_SITES);
        for (account, sites) in &all {
            let names: BTreeSet<&str> = sites.iter().map(|site| &*site.name).collect();
            assert_eq!(names.len(), sites.len(), "{}", account.name);
            assert!(ACCOUNTS.iter().all(|known| known.name != account.name));
        }
    }

    #[test]
    fn technicians_have_ids_and_names_of_their_own() {
        let all: Vec<ticket::Technician> = (0..MOST_TECHNICIANS).map(|n| technician(n).0).collect();
        let ids: BTreeSet<&str> = all.iter().map(|tech| tech.id.as_str()).collect();
        let names: BTreeSet<&str> = all.iter().map(|tech| tech.name.as_str()).collect();
        assert_eq!((ids.len(), names.len()), (all.len(), all.len()));
    }

    #[test]
    fn a_million_tickets_have_a_company_of_a_size_that_can_be_taken_in() {
        assert_eq!((sites_for(1), sites_for(100_000), sites_for(1_000_000)), (1, 2_500, MOST_SITES));
        assert_eq!((technicians_for(50), technicians_for(10_000), technicians_for(1_000_000)), (0, 100, 300));
    }
}
