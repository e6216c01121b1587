//! Addresses as people write them, taken apart where their form is plain, and compared without
//! regard to case, white space, punctuation and the usual abbreviations.

/// The name of the place where nobody said which.
pub const NO_ADDRESS: &str = "no address given";

/// The usual abbreviations, so that both ways of writing are one place.
const SHORT: &[(&str, &str)] = &[
    ("APARTMENT", "APT"),
    ("AV", "AVE"),
    ("AVENUE", "AVE"),
    ("BOULEVARD", "BLVD"),
    ("CIRCLE", "CIR"),
    ("COURT", "CT"),
    ("DRIVE", "DR"),
    ("HIGHWAY", "HWY"),
    ("LANE", "LN"),
    ("PARKWAY", "PKWY"),
    ("PLACE", "PL"),
    ("ROAD", "RD"),
    ("SQUARE", "SQ"),
    ("STREET", "ST"),
    ("TERRACE", "TER"),
];

/// An address as a site keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    pub address1: String,
    pub address2: Option<String>,
    pub city: String,
    pub region: Option<String>,
    pub postal_code: Option<String>,
}

impl Address {
    /// Takes an address apart: `491 31ST AVE, Apt 201, SAN FRANCISCO, CA, 94121`. Any other form
    /// stays whole. City and region are those given where the address does not say.
    pub fn parse(text: &str, city: &str, region: Option<&str>) -> Self {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut address = Self {
            address1: text.clone(),
            address2: None,
            city: city.to_owned(),
            region: region.map(str::to_owned),
            postal_code: None,
        };
        if normalise(&text).is_empty() {
            NO_ADDRESS.clone_into(&mut address.address1);
            return address;
        }
        let mut parts: Vec<&str> = text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
        let (state, postal_code) = match parts.as_slice() {
            [.., state, code] if is_state(state) && is_postal_code(code) => (*state, Some(*code)),
            [.., last] if is_state(last) => (*last, None),
            [.., last] => match last.split_once(' ') {
                Some((state, code)) if is_state(state) && is_postal_code(code) => (state, Some(code)),
                _ => return address,
            },
            [] => return address,
        };
        let tail = if parts.last() == postal_code.as_ref() && postal_code.is_some() { 2 } else { 1 };
        parts.truncate(parts.len() - tail);
        // A street and a city must be left, or the form was not the one expected.
        let [street, between @ .., town] = parts.as_slice() else { return address };
        (*street).clone_into(&mut address.address1);
        address.address2 = (!between.is_empty()).then(|| between.join(", "));
        if normalise(town) != normalise(city) {
            (*town).clone_into(&mut address.city);
        }
        address.region = Some(state.to_owned());
        address.postal_code = postal_code.map(str::to_owned);
        address
    }

    /// What a site there is called.
    pub fn name(&self) -> String {
        match &self.address2 {
            Some(second) => format!("{}, {second}", self.address1),
            None => self.address1.clone(),
        }
    }

    /// Equal for two ways of writing one address.
    pub fn key(&self) -> String {
        let street = normalise(&self.name());
        if street == normalise(NO_ADDRESS) {
            return street;
        }
        let text = |part: &Option<String>| part.as_deref().map(normalise).unwrap_or_default();
        format!("{street}|{}|{}|{}", normalise(&self.city), text(&self.region), text(&self.postal_code))
    }
}

fn is_state(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

fn is_postal_code(text: &str) -> bool {
    let digits = |text: &str, many: usize| text.len() == many && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.split_once('-') {
        Some((five, four)) => digits(five, 5) && digits(four, 4),
        None => digits(text, 5),
    }
}

/// Upper case, words apart by one space, no punctuation, the usual words abbreviated; the two
/// streets of a crossing in one order.
fn normalise(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\'' | '’' | '.' => {}
            c if c.is_alphanumeric() => plain.extend(c.to_uppercase()),
            _ => plain.push(' '),
        }
    }
    let words = plain
        .split_whitespace()
        .map(|word| SHORT.binary_search_by_key(&word, |(long, _)| long).map_or(word, |found| SHORT[found].1));
    let text = words.collect::<Vec<_>>().join(" ");
    if let Some(streets) = text.strip_prefix("INTERSECTION OF ")
        && let Some((one, other)) = streets.split_once(" AND ")
    {
        let (first, second) = if one <= other { (one, other) } else { (other, one) };
        return format!("INTERSECTION OF {first} AND {second}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Address {
        Address::parse(text, "San Francisco", Some("CA"))
    }

    #[test]
    fn plain_forms_are_taken_apart() {
        let flat = parse("491 31ST AVE, Apt 201, SAN FRANCISCO, CA, 94121");
        assert_eq!((flat.address1.as_str(), flat.address2.as_deref()), ("491 31ST AVE", Some("Apt 201")));
        assert_eq!((flat.city.as_str(), flat.postal_code.as_deref()), ("San Francisco", Some("94121")));
        let other = parse("1 Main St, Reno, NV 89501-1234");
        assert_eq!((other.address1.as_str(), other.city.as_str()), ("1 Main St", "Reno"));
        assert_eq!((other.region.as_deref(), other.postal_code.as_deref()), (Some("NV"), Some("89501-1234")));
        assert_eq!(parse("1 Main St, Reno, NV").region.as_deref(), Some("NV"));
        let park = parse("GGP North Lake, , SAN FRANCISCO, CA, 94122");
        assert_eq!((park.address1.as_str(), park.address2), ("GGP North Lake", None));
    }

    #[test]
    fn other_forms_stay_whole() {
        for text in
            ["Intersection of 32ND AVE and CLEMENT ST", "BUILDING 1 -15 DAKOTA STREET", "CA, 94110", "a, b", ",x"]
        {
            let address = parse(text);
            assert_eq!((address.address1.as_str(), address.city.as_str()), (text, "San Francisco"));
        }
    }

    #[test]
    fn one_place_has_one_key_however_it_is_written() {
        let same = |one: &str, other: &str| assert_eq!(parse(one).key(), parse(other).key());
        same(
            "491 31st Avenue,  Apartment 201, San Francisco, CA, 94121",
            "491 31ST AVE, Apt. 201, SAN FRANCISCO, CA 94121",
        );
        same("Intersection of CABRILLO ST and 10TH AVE", "intersection of 10th Ave. and Cabrillo Street");
        same("O'Farrell St", "OFARRELL STREET");
        same("", "No address given.");
        assert_eq!(parse(" - ").address1, NO_ADDRESS);
        assert_ne!(
            parse("1 A ST, Apt 2, SAN FRANCISCO, CA, 94121").key(),
            parse("1 A ST, SAN FRANCISCO, CA, 94121").key()
        );
    }

    #[test]
    fn abbreviations_are_sorted_for_the_search() {
        assert!(SHORT.is_sorted());
    }
}
