//! Files that many tickets share: where there are a hundred thousand, not every photo is drawn anew.

use std::collections::HashMap;

use super::jobs::{JOBS, Job};
use super::random::Random;
use super::story::{Content, picture};
use crate::domain::closeout::SIGNATURE_KEY;

/// Different files of one sort.
const EACH: usize = 3;

/// What a file shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Sort {
    Before,
    After,
    Note,
    Signature,
}

impl Sort {
    fn of(key: &str) -> Self {
        match key {
            SIGNATURE_KEY => Self::Signature,
            _ if key.starts_with("photo_after") => Self::After,
            _ if key.starts_with("photo") => Self::Before,
            _ => Self::Note,
        }
    }
}

/// The shared files, by the job they belong to.
#[derive(Debug)]
pub struct Album {
    files: HashMap<(&'static str, Sort), [Content; EACH]>,
}

impl Album {
    /// The files of a seed.
    pub fn new(seed: u64) -> Self {
        let mut random = Random::of(seed, u64::MAX);
        let mut files = HashMap::new();
        for job in &JOBS {
            for key in ["photo_before", "photo_after", SIGNATURE_KEY] {
                let pictures = [(); EACH].map(|()| picture(job, key, &mut random));
                files.insert((job.incident, Sort::of(key)), pictures);
            }
            files.insert((job.incident, Sort::Note), job.notes.map(|note| Content::of(note.as_bytes())));
        }
        Self { files }
    }

    /// Every file.
    pub fn all(&self) -> impl Iterator<Item = &Content> {
        self.files.values().flatten()
    }

    /// One that proves a key of a job.
    pub fn pick(&self, job: &Job, key: &str, random: &mut Random) -> Content {
        match self.files.get(&(job.incident, Sort::of(key))) {
            Some(files) => random.pick(files).clone(),
            None => picture(job, key, random),
        }
    }
}
