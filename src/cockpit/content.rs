//! What files of evidence hold: pictures, small enough to be drawn with characters, and words. It comes
//! from outside: its size is bounded before and while it is read.

use super::msg::Content;
#[cfg(feature = "pictures")]
use super::msg::Picture;

/// As much of a text as is shown, in bytes.
const MOST_WORDS: usize = 64 * 1_024;

/// The most that is ever drawn.
#[cfg(feature = "pictures")]
const MOST: (u32, u32) = (160, 120);
/// Photos of today's cameras; a larger one only claims to be a picture.
#[cfg(feature = "pictures")]
const LARGEST_SIDE: u32 = 12_000;
#[cfg(feature = "pictures")]
const MOST_MEMORY: u64 = 256 * 1024 * 1024;

/// What a file holds; none where it is neither a picture that we can read nor text.
pub fn of(bytes: &[u8]) -> Option<Content> {
    words(bytes).or_else(|| picture(bytes).map(Content::Picture))
}

/// Text as UTF-8 without the characters that only other files have.
fn words(bytes: &[u8]) -> Option<Content> {
    let begin = bytes.get(..MOST_WORDS).unwrap_or(bytes);
    let text = match std::str::from_utf8(begin) {
        Ok(text) => text,
        // A character may be cut where the part ends, and nowhere else.
        Err(error) if error.error_len().is_none() && begin.len() < bytes.len() => {
            std::str::from_utf8(begin.get(..error.valid_up_to())?).ok()?
        }
        Err(_) => return None,
    };
    let is_text = !text.trim().is_empty() && !text.chars().any(|c| c.is_control() && !"\n\r\t\u{c}".contains(c));
    is_text.then(|| Content::Words(text.to_owned(), begin.len() < bytes.len()))
}

/// The picture in a file, made small.
#[cfg(feature = "pictures")]
fn picture(bytes: &[u8]) -> Option<Picture> {
    use image::{ImageReader, Limits};

    let mut reader = ImageReader::new(std::io::Cursor::new(bytes)).with_guessed_format().ok()?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(LARGEST_SIDE);
    limits.max_image_height = Some(LARGEST_SIDE);
    limits.max_alloc = Some(MOST_MEMORY);
    reader.limits(limits);
    let whole = reader.decode().inspect_err(|error| tracing::info!(%error, "a picture cannot be shown")).ok()?;
    let (columns, rows) = (whole.width().min(MOST.0), whole.height().min(MOST.1));
    let small = whole.thumbnail(columns, rows).into_rgba8();
    // What is transparent lies on white, as on paper.
    let over_white = |part: u8, alpha: u8| {
        let (part, alpha) = (u32::from(part), u32::from(alpha));
        u8::try_from((part * alpha + 255 * (255 - alpha)) / 255).unwrap_or(u8::MAX)
    };
    let pixels = small.pixels().map(|pixel| {
        let [red, green, blue, alpha] = pixel.0;
        [over_white(red, alpha), over_white(green, alpha), over_white(blue, alpha)]
    });
    Some(Picture {
        width: u16::try_from(small.width()).ok()?,
        height: u16::try_from(small.height()).ok()?,
        pixels: pixels.collect(),
    })
}

/// Built without pictures: there is none.
#[cfg(not(feature = "pictures"))]
fn picture(_bytes: &[u8]) -> Option<super::msg::Picture> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_words_and_what_only_looks_like_it_is_not() {
        let words = |bytes: &[u8]| match of(bytes) {
            Some(Content::Words(text, is_cut)) => Some((text, is_cut)),
            _ => None,
        };
        let note = "Latch aligned.\n\n20 cycles tested – Tür zu.";
        assert_eq!(words(note.as_bytes()), Some((note.to_owned(), false)));
        assert_eq!(words(b""), None);
        assert_eq!(words(b" \n "), None);
        assert_eq!(words(b"%PDF-1.7\n\x00\x01"), None);
        assert_eq!(words(b"caf\xe9"), None, "no UTF-8");
        assert_eq!(words("caf\u{e9}".as_bytes().get(..4).unwrap()), None, "a file that ends in mid character");
    }

    #[test]
    fn of_a_long_text_the_beginning_is_shown() {
        let long = format!("x{}", "é".repeat(MOST_WORDS));
        let Some(Content::Words(text, true)) = of(long.as_bytes()) else { panic!("words that go on") };
        assert_eq!(text.len(), MOST_WORDS - 1, "no character is cut in two");
    }
}

#[cfg(test)]
#[cfg(feature = "pictures")]
mod picture_tests {
    use super::*;
    use image::{ImageFormat, Rgba, RgbaImage};

    fn png(width: u32, height: u32, colour: [u8; 4]) -> Vec<u8> {
        let mut bytes = std::io::Cursor::new(Vec::new());
        RgbaImage::from_pixel(width, height, Rgba(colour)).write_to(&mut bytes, ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn a_picture_is_made_small_in_its_own_proportions() {
        let picture = picture(&png(800, 300, [200, 10, 10, 255])).unwrap();
        assert_eq!((picture.width, picture.height), (160, 60));
        assert_eq!(picture.pixels.len(), 160 * 60);
        assert_eq!(picture.pixels[0], [200, 10, 10]);
        let small = super::picture(&png(3, 2, [0, 0, 0, 0])).unwrap();
        assert_eq!((small.width, small.height, small.pixels[0]), (3, 2, [255, 255, 255]), "never made larger");
    }

    #[test]
    fn what_is_no_picture_or_too_large_a_one_is_none() {
        assert_eq!(picture(b"Latch aligned, 20 cycles tested."), None);
        assert_eq!(picture(b""), None);
        let whole = png(64, 64, [1, 2, 3, 255]);
        assert_eq!(picture(&whole[..whole.len() / 2]), None);
        // A header that claims 60,000 × 60,000 pixels.
        let mut bomb = whole;
        bomb[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
        assert_eq!(picture(&bomb), None);
    }
}
