use super::*;

const HEADER: &str = "unique_key,created_date,closed_date,status_notes,agency_name,category,complaint_type,descriptor,\
    incident_address,neighborhood,location,source,media_url";

fn columns() -> Vec<String> {
    HEADER.split(',').map(str::to_owned).collect()
}

fn sf311() -> Mapping {
    Mapping::built_in("sf311").unwrap().unwrap()
}

fn apply(mapping: &Mapping, changes: &[(&str, &str)]) -> Result<Request, Rejected> {
    let columns = columns();
    let mut row: BTreeMap<&str, &str> = BTreeMap::from([
        ("unique_key", "705309"),
        ("created_date", "2010-08-02 14:04:33+00:00"),
        ("complaint_type", "Glazier"),
        ("descriptor", "Glazier - Urgent"),
        ("incident_address", "491 31ST AVE, Apt 201, SAN FRANCISCO, CA, 94121"),
        ("agency_name", "Housing Authority SR Queue"),
        ("category", "SFHA Requests"),
        ("source", "Phone"),
    ]);
    row.extend(changes.iter().copied());
    let values: Vec<String> = columns.iter().map(|name| row.get(name.as_str()).unwrap_or(&"").to_string()).collect();
    let now = DateTime::parse_from_rfc3339("2026-11-21T08:00:00Z").unwrap().to_utc();
    mapping.apply(7, &Columns::new(&columns), &values, now)
}

fn reason(changes: &[(&str, &str)]) -> String {
    let rejected = apply(&sf311(), changes).unwrap_err();
    assert_eq!(rejected.line, 7);
    rejected.reason
}

#[test]
fn a_row_of_sf311_is_understood() {
    let request = apply(&sf311(), &[("status_notes", "see new SR#\r\n341820")]).unwrap();
    assert_eq!(request.summary, "Glazier: Glazier - Urgent at 491 31ST AVE, Apt 201, SAN FRANCISCO, CA, 94121");
    assert_eq!(
        request.description.unwrap(),
        "see new SR#\n341820\nSFHA Requests, by Phone, for Housing Authority SR Queue"
    );
    assert_eq!(request.created_at.to_string(), "2010-08-02T14:04:33.000Z");
    assert_eq!((request.incident_type.as_str(), request.priority), ("GLAZIER", Priority::Urgent));
    assert_eq!(request.address.name(), "491 31ST AVE, Apt 201");
    assert_eq!(request.account, "Housing Authority SR Queue");
    assert_eq!(request.closed_at, None);
}

#[test]
fn no_address_and_no_descriptor_leave_no_trace_in_the_summary() {
    let changes = [("incident_address", "Not associated with a specific address"), ("descriptor", "")];
    let request = apply(&sf311(), &changes).unwrap();
    assert_eq!(request.summary, "Glazier");
    assert_eq!(request.address.address1, super::super::address::NO_ADDRESS);
}

#[test]
fn priority_comes_from_the_last_word_and_type_is_upper_case_with_underscores() {
    for (descriptor, priority) in [
        ("Glazier - Emergency", Priority::Emergency),
        ("Glazier - urgent ", Priority::Urgent),
        ("Routine", Priority::Routine),
        ("Glazier - Preventive", Priority::Routine),
        ("Emergency exit sign", Priority::Routine),
        ("", Priority::Routine),
    ] {
        assert_eq!(apply(&sf311(), &[("descriptor", descriptor)]).unwrap().priority, priority, "{descriptor}");
    }
    for (complaint, kind) in [("MUNI  -", "MUNI"), ("Sewer issues (odor)", "SEWER_ISSUES_ODOR"), ("", "UNCLASSIFIED")] {
        assert_eq!(apply(&sf311(), &[("complaint_type", complaint)]).unwrap().incident_type, kind);
    }
}

#[test]
fn texts_are_kept_within_bounds_and_without_control_characters() {
    let long = "x".repeat(20_000);
    let request = apply(&sf311(), &[("descriptor", &long), ("status_notes", &long)]).unwrap();
    assert_eq!(request.summary.chars().count(), 500);
    let description = request.description.unwrap();
    assert_eq!(description.chars().count(), 10_000);
    assert!(description.ends_with("(cut at import)"));
    let request = apply(&sf311(), &[("descriptor", "a\0\x1b[31m\n b"), ("status_notes", "a\0b\nc")]).unwrap();
    assert!(request.summary.starts_with("Glazier: a [31m b at"), "{}", request.summary);
    assert!(request.description.unwrap().starts_with("a b\nc"));
}

#[test]
fn a_row_that_makes_no_sense_is_rejected_with_its_reason() {
    assert_eq!(reason(&[("unique_key", " ")]), "It has no source_id.");
    assert!(reason(&[("unique_key", "a\0b")]).contains("control characters"));
    assert_eq!(reason(&[("created_date", "")]), "It has no created_at.");
    for wrong in ["yesterday", "2010-08-02 14:04:33", "0000-01-01 00:00:00+00:00", "2010-13-02 14:04:33+00:00"] {
        assert!(reason(&[("created_date", wrong)]).contains("no date and time with a zone"), "{wrong}");
    }
    assert!(reason(&[("created_date", "2036-08-02 14:04:33+00:00")]).contains("in the future"));
    assert!(reason(&[("closed_date", "n/a")]).starts_with("Its closed_at"));
    assert!(reason(&[("incident_address", &"x".repeat(501))]).contains("address is longer"));
    let mut only_descriptor = sf311();
    only_descriptor.set("summary", "descriptor").unwrap();
    let rejected = apply(&only_descriptor, &[("descriptor", " \t ")]).unwrap_err();
    assert_eq!(rejected.reason, "Its summary is empty.");
}

#[test]
fn a_mapping_that_does_not_fit_names_the_columns_there_are() {
    let mut mapping = sf311();
    assert_eq!(mapping.check(&columns()), Ok(()));
    let error = mapping.check(&columns()[1..]).unwrap_err();
    assert!(error.contains("no column `unique_key`") && error.contains("It has: created_date, closed_date"), "{error}");
    let twice: Vec<String> = columns().into_iter().chain(["category".to_owned()]).collect();
    assert!(mapping.check(&twice).unwrap_err().contains("2 columns `category`"));
    assert!(Mapping::default().check(&columns()).unwrap_err().contains("--map source_id=COLUMN"));
    assert!(mapping.set("sumary", "x").unwrap_err().contains("There are: source_id, created_at"));
}

#[test]
fn mistakes_in_a_mapping_are_explained_with_their_line() {
    for (text, why) in [
        ("sumary = 'x'", "unknown field `sumary`"),
        ("summary = '{x'", "never closed"),
        ("summary = ", "line 1"),
        ("timezone = 'Mars/Olympus'", "no time zone"),
        ("[priority]\nword = 'middle'", "unknown variant `middle`"),
        ("[priority.table]\nHigh = 'HIGH'", "unknown variant `HIGH`"),
    ] {
        let error = Mapping::parse(text).unwrap_err();
        assert!(error.contains(why), "{text}: {error}");
    }
}

#[test]
fn columns_can_be_mapped_without_a_file() {
    let mut mapping = Mapping::default();
    for (field, column) in [
        ("source_id", "unique_key"),
        ("created_at", "created_date"),
        ("summary", "complaint_type"),
        ("priority", "neighborhood"),
    ] {
        mapping.set(field, column).unwrap();
    }
    let request = apply(&mapping, &[("neighborhood", "urgent")]).unwrap();
    assert_eq!((request.summary.as_str(), request.priority), ("Glazier", Priority::Urgent));
    assert_eq!((request.incident_type.as_str(), request.address.city.as_str()), ("UNCLASSIFIED", "not given"));
}
