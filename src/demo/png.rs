//! Writes PNG files of few colours, by hand: no compression, no crate, a few lines.

use super::image::Canvas;

const SIGNATURE: [u8; 8] = [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a];

/// A canvas as a PNG file with a palette.
pub fn encode(canvas: &Canvas) -> Vec<u8> {
    let mut file = SIGNATURE.to_vec();
    let mut header = Vec::with_capacity(13);
    header.extend(u32::from(Canvas::WIDTH).to_be_bytes());
    header.extend(u32::from(Canvas::HEIGHT).to_be_bytes());
    // 8 bits a pixel, a palette, deflate, the only filter method, not interlaced.
    header.extend([8, 3, 0, 0, 0]);
    chunk(&mut file, *b"IHDR", &header);
    chunk(&mut file, *b"PLTE", canvas.palette().as_flattened());
    let mut lines = Vec::new();
    for row in canvas.rows() {
        lines.push(0); // No filter.
        lines.extend_from_slice(row);
    }
    chunk(&mut file, *b"IDAT", &stored(&lines));
    chunk(&mut file, *b"IEND", &[]);
    file
}

/// A chunk: length, name, data, and a check sum over name and data.
fn chunk(file: &mut Vec<u8>, name: [u8; 4], data: &[u8]) {
    file.extend(u32::try_from(data.len()).unwrap_or(u32::MAX).to_be_bytes());
    let from = file.len();
    file.extend(name);
    file.extend_from_slice(data);
    let sum = crc32(&file[from..]);
    file.extend(sum.to_be_bytes());
}

/// A zlib stream of stored blocks: packed as it is.
fn stored(data: &[u8]) -> Vec<u8> {
    let mut stream = vec![0x78, 0x01];
    let blocks = data.chunks(usize::from(u16::MAX));
    let last = blocks.len().saturating_sub(1);
    for (n, block) in blocks.enumerate() {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        stream.push(u8::from(n == last));
        stream.extend(length.to_le_bytes());
        stream.extend((!length).to_le_bytes());
        stream.extend_from_slice(block);
    }
    stream.extend(adler32(data).to_be_bytes());
    stream
}

fn crc32(data: &[u8]) -> u32 {
    let step = |sum: u32| if sum & 1 == 1 { (sum >> 1) ^ 0xedb8_8320 } else { sum >> 1 };
    !data.iter().fold(u32::MAX, |sum, byte| (0..8).fold(sum ^ u32::from(*byte), |sum, _| step(sum)))
}

fn adler32(data: &[u8]) -> u32 {
    let (a, b) = data.iter().fold((1_u32, 0_u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    (b << 16) | a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_sums_are_the_standard_ones() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b"IEND"), 0xae42_6082);
        assert_eq!(adler32(b"Wikipedia"), 0x11e6_0398);
    }

    /// Reads a file back as any viewer would: chunks with right sums, stored blocks, pixels.
    fn decode(file: &[u8]) -> (u32, u32, Vec<u8>) {
        assert_eq!(file[..8], SIGNATURE);
        let number = |at: usize| u32::from_be_bytes(file[at..at + 4].try_into().unwrap());
        let (mut at, mut names, mut size, mut data) = (8, Vec::new(), (0, 0), Vec::new());
        while at < file.len() {
            let length = usize::try_from(number(at)).unwrap();
            let name = std::str::from_utf8(&file[at + 4..at + 8]).unwrap();
            assert_eq!(number(at + 8 + length), crc32(&file[at + 4..at + 8 + length]), "{name}");
            match name {
                "IHDR" => {
                    size = (number(at + 8), number(at + 12));
                    assert_eq!(file[at + 16..at + 21], [8, 3, 0, 0, 0]);
                }
                "PLTE" => assert_eq!(length % 3, 0),
                "IDAT" => data.extend_from_slice(&file[at + 8..at + 8 + length]),
                _ => {}
            }
            names.push(name.to_owned());
            at += 12 + length;
        }
        assert_eq!(names, ["IHDR", "PLTE", "IDAT", "IEND"]);
        assert_eq!(data[..3], [0x78, 0x01, 1], "zlib, one last stored block");
        let length = u16::from_le_bytes([data[3], data[4]]);
        assert_eq!(u16::from_le_bytes([data[5], data[6]]), !length);
        let lines = data[7..7 + usize::from(length)].to_vec();
        assert_eq!(data[7 + usize::from(length)..], adler32(&lines).to_be_bytes());
        (size.0, size.1, lines)
    }

    #[test]
    fn a_file_reads_back_as_it_was_drawn() {
        let mut canvas = Canvas::new([[10, 20, 30]; 8]);
        canvas.rectangle(3, 1, 2, 2, 5);
        let (width, height, lines) = decode(&encode(&canvas));
        assert_eq!((width, height), (64, 48));
        assert_eq!(lines.len(), 48 * 65);
        assert_eq!(lines[65..75], [0, 0, 0, 0, 5, 5, 0, 0, 0, 0], "the second line: its filter, then pixels");
    }
}
