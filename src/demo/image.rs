//! Small pictures for the evidence of the demo: a door, a lock, a pane; before and after.

use super::png;
use super::random::Random;

/// A picture in eight colours.
#[derive(Debug, Clone)]
pub struct Canvas {
    palette: [[u8; 3]; 8],
    pixels: Vec<u8>,
}

impl Canvas {
    /// Pixels across.
    pub const WIDTH: u16 = 64;
    /// Pixels down.
    pub const HEIGHT: u16 = 48;

    /// A picture all in the first colour.
    pub fn new(palette: [[u8; 3]; 8]) -> Self {
        Self { palette, pixels: vec![0; usize::from(Self::WIDTH) * usize::from(Self::HEIGHT)] }
    }

    /// The colours.
    pub const fn palette(&self) -> &[[u8; 3]] {
        &self.palette
    }

    /// The lines, from the top.
    pub fn rows(&self) -> impl Iterator<Item = &[u8]> {
        self.pixels.chunks(usize::from(Self::WIDTH))
    }

    /// One pixel; outside of the picture nothing happens.
    pub fn dot(&mut self, x: i64, y: i64, color: u8) {
        let (width, height) = (i64::from(Self::WIDTH), i64::from(Self::HEIGHT));
        if (0..width).contains(&x)
            && (0..height).contains(&y)
            && let Ok(at) = usize::try_from(y * width + x)
        {
            self.pixels[at] = color;
        }
    }

    /// A filled rectangle.
    pub fn rectangle(&mut self, x: i64, y: i64, width: i64, height: i64, color: u8) {
        for down in y..y + height {
            for across in x..x + width {
                self.dot(across, down, color);
            }
        }
    }

    /// A line that wanders from a point in steps, two pixels thick.
    fn path(&mut self, from: (i64, i64), steps: &[(i64, i64)], color: u8) {
        let (mut x, mut y) = from;
        for (right, down) in steps {
            let length = right.abs().max(down.abs()).max(1);
            for n in 0..=length {
                let (across, deep) = (x + right * n / length, y + down * n / length);
                self.dot(across, deep, color);
                self.dot(across, deep + 1, color);
            }
            (x, y) = (x + right, y + down);
        }
    }
}

/// What a photo shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Motif {
    Door,
    Lock,
    Pane,
    SlidingDoor,
}

impl Motif {
    /// What is photographed for a kind of incident.
    pub fn of(incident: &str) -> Self {
        match incident {
            "CANNOT_SECURE_ENTRY" | "HARDWARE_REPLACEMENT" => Self::Lock,
            "FRAME_OR_GLASS_DAMAGE" => Self::Pane,
            "AUTO_OPERATOR_FAULT" => Self::SlidingDoor,
            _ => Self::Door,
        }
    }
}

// Places in the palette.
const FLOOR: u8 = 1;
const FRAME: u8 = 2;
const LEAF: u8 = 3;
const METAL: u8 = 4;
const DARK: u8 = 5;
const FAULT: u8 = 6;
const GOOD: u8 = 7;

/// A photo of something, before the work or after it; no two are alike.
pub fn photo(motif: Motif, is_after: bool, random: &mut Random) -> Vec<u8> {
    let mut shade = |base: u8| base.saturating_add(u8::try_from(random.between(0, 30)).unwrap_or(0));
    // Bad light before, better light after.
    let wall = if is_after { [shade(180), shade(190), shade(200)] } else { [shade(150), shade(125), shade(110)] };
    let leaf = [shade(60), shade(80), shade(110)];
    let palette =
        [wall, [92, 88, 84], [225, 222, 215], leaf, [200, 200, 190], [25, 25, 30], [215, 50, 40], [40, 165, 80]];
    let mut canvas = Canvas::new(palette);
    canvas.rectangle(0, 42, 64, 6, FLOOR);
    for _ in 0..24 {
        canvas.dot(random.between(0, 63), random.between(43, 47), DARK);
    }
    match motif {
        Motif::Door => door(&mut canvas, is_after),
        Motif::Lock => lock(&mut canvas, is_after),
        Motif::Pane => pane(&mut canvas, is_after, random),
        Motif::SlidingDoor => sliding_door(&mut canvas, is_after),
    }
    if is_after {
        canvas.path((52, 8), &[(3, 3), (6, -7)], GOOD);
    }
    png::encode(&canvas)
}

fn door(canvas: &mut Canvas, is_closed: bool) {
    canvas.rectangle(17, 4, 30, 38, FRAME);
    canvas.rectangle(20, 7, 24, 35, DARK);
    let width = if is_closed { 24 } else { 17 };
    canvas.rectangle(20, 7, width, 35, LEAF);
    canvas.rectangle(20 + width - 4, 24, 2, 4, METAL);
    canvas.rectangle(22, 6, 10, 2, METAL);
    if !is_closed {
        canvas.rectangle(38, 22, 2, 8, FAULT);
    }
}

fn lock(canvas: &mut Canvas, is_whole: bool) {
    canvas.rectangle(10, 0, 44, 42, LEAF);
    canvas.rectangle(22, 6, 14, 32, METAL);
    canvas.rectangle(27, 11, 4, 4, DARK);
    canvas.rectangle(28, 15, 2, 5, DARK);
    if is_whole {
        canvas.rectangle(29, 27, 22, 4, FRAME);
    } else {
        canvas.path((30, 27), &[(6, 6), (4, 8)], FRAME);
        canvas.path((18, 22), &[(5, 3), (-3, 6), (4, 5)], FAULT);
    }
}

fn pane(canvas: &mut Canvas, is_whole: bool, random: &mut Random) {
    canvas.rectangle(8, 4, 48, 36, FRAME);
    canvas.rectangle(11, 7, 42, 30, LEAF);
    canvas.path((14, 30), &[(12, -18)], METAL);
    if is_whole {
        return;
    }
    let (x, y) = (random.between(25, 38), random.between(16, 26));
    for _ in 0..6 {
        let mut stretch = || (random.between(-9, 9), random.between(-8, 8));
        canvas.path((x, y), &[stretch(), stretch()], FAULT);
    }
}

fn sliding_door(canvas: &mut Canvas, is_closed: bool) {
    canvas.rectangle(6, 4, 52, 6, METAL);
    canvas.rectangle(29, 6, 6, 2, if is_closed { GOOD } else { FAULT });
    canvas.rectangle(8, 10, 48, 32, DARK);
    let gap = if is_closed { 0 } else { 7 };
    canvas.rectangle(8, 10, 23 - gap, 32, LEAF);
    canvas.rectangle(33 + gap, 10, 23 - gap, 32, LEAF);
    canvas.rectangle(28 - gap, 24, 2, 5, FRAME);
    canvas.rectangle(34 + gap, 24, 2, 5, FRAME);
}

/// A signature on a pad.
pub fn signature(random: &mut Random) -> Vec<u8> {
    let paper = [250, 249, 243];
    let mut palette = [paper; 8];
    palette[usize::from(DARK)] = [20, 30, 90];
    palette[usize::from(FRAME)] = [170, 168, 160];
    let mut canvas = Canvas::new(palette);
    canvas.rectangle(6, 36, 52, 1, FRAME);
    let strokes: Vec<(i64, i64)> =
        (0..9).map(|n| (random.between(2, 7), random.between(5, 13) * if n % 2 == 0 { -1 } else { 1 })).collect();
    canvas.path((8, 30), &strokes, DARK);
    png::encode(&canvas)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_motif_can_be_drawn_and_before_differs_from_after() {
        for motif in [Motif::Door, Motif::Lock, Motif::Pane, Motif::SlidingDoor] {
            let draw = |is_after| photo(motif, is_after, &mut Random::new(3));
            assert_ne!(draw(false), draw(true), "{motif:?}");
            assert_eq!(draw(true), draw(true));
        }
    }

    #[test]
    fn no_two_photos_are_alike() {
        let mut random = Random::new(1);
        let photos: std::collections::BTreeSet<_> = (0..200).map(|_| photo(Motif::Door, true, &mut random)).collect();
        assert!(photos.len() > 195, "{}", photos.len());
        assert_ne!(signature(&mut random), signature(&mut random));
    }
}
