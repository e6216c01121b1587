//! Pictures of evidence, small enough to be drawn with characters. What is decoded comes from
//! outside: its size is bounded before and while it is read.

use super::msg::Picture;

/// The most that is ever drawn.
#[cfg(feature = "pictures")]
const MOST: (u32, u32) = (160, 120);
/// Photos of today's cameras; a larger one only claims to be a picture.
#[cfg(feature = "pictures")]
const LARGEST_SIDE: u32 = 12_000;
#[cfg(feature = "pictures")]
const MOST_MEMORY: u64 = 256 * 1024 * 1024;

/// The picture in a file, made small; none where it is none that we can read.
#[cfg(feature = "pictures")]
pub fn decode(bytes: &[u8]) -> Option<Picture> {
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
pub fn decode(_bytes: &[u8]) -> Option<Picture> {
    None
}

#[cfg(test)]
#[cfg(feature = "pictures")]
mod tests {
    use super::*;
    use image::{ImageFormat, Rgba, RgbaImage};

    fn png(width: u32, height: u32, colour: [u8; 4]) -> Vec<u8> {
        let mut bytes = std::io::Cursor::new(Vec::new());
        RgbaImage::from_pixel(width, height, Rgba(colour)).write_to(&mut bytes, ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn a_picture_is_made_small_in_its_own_proportions() {
        let picture = decode(&png(800, 300, [200, 10, 10, 255])).unwrap();
        assert_eq!((picture.width, picture.height), (160, 60));
        assert_eq!(picture.pixels.len(), 160 * 60);
        assert_eq!(picture.pixels[0], [200, 10, 10]);
        let small = decode(&png(3, 2, [0, 0, 0, 0])).unwrap();
        assert_eq!((small.width, small.height, small.pixels[0]), (3, 2, [255, 255, 255]), "never made larger");
    }

    #[test]
    fn what_is_no_picture_or_too_large_a_one_is_none() {
        assert_eq!(decode(b"Latch aligned, 20 cycles tested."), None);
        assert_eq!(decode(b""), None);
        let whole = png(64, 64, [1, 2, 3, 255]);
        assert_eq!(decode(&whole[..whole.len() / 2]), None);
        // A header that claims 60,000 × 60,000 pixels.
        let mut bomb = whole;
        bomb[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
        assert_eq!(decode(&bomb), None);
    }
}
