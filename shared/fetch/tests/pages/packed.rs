//! Compresses data in the formats of Content-Encoding, by hand where the format allows it.

use async_compression::tokio::write::BrotliEncoder;
use tokio::io::AsyncWriteExt;

const GZIP_HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// DEFLATE without compression (RFC 1951 §3.2.4): one final stored block.
fn stored(data: &[u8]) -> Vec<u8> {
    let len = u16::try_from(data.len()).unwrap();
    [&[1], &len.to_le_bytes()[..], &(!len).to_le_bytes()[..], data].concat()
}

/// RFC 1952.
pub fn gzip(data: &[u8]) -> Vec<u8> {
    let mut crc = u32::MAX;
    for byte in data {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    let len = u32::try_from(data.len()).unwrap();
    [&GZIP_HEAD[..], &stored(data)[..], &(!crc).to_le_bytes()[..], &len.to_le_bytes()[..]].concat()
}

/// RFC 1950.
pub fn zlib(data: &[u8]) -> Vec<u8> {
    let (mut a, mut b) = (1u32, 0u32);
    for byte in data {
        a = (a + u32::from(*byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    [&[0x78, 0x01], &stored(data)[..], &(b << 16 | a).to_be_bytes()[..]].concat()
}

/// RFC 7932, by the encoder of the same library: not a format to write by hand.
pub async fn brotli(data: &[u8]) -> Vec<u8> {
    let mut packer = BrotliEncoder::new(Vec::new());
    packer.write_all(data).await.unwrap();
    packer.shutdown().await.unwrap();
    packer.into_inner()
}

/// Packs bits starting at the lowest, as DEFLATE does.
fn pack(bits: impl Iterator<Item = u8>) -> Vec<u8> {
    let bits: Vec<u8> = bits.collect();
    bits.chunks(8).map(|byte| byte.iter().enumerate().fold(0, |sum, (i, bit)| sum | bit << i)).collect()
}

/// "258 times the byte before" (RFC 1951 §3.2.6): length code 285 and distance code 0, 13 bits.
const REPEAT: [u8; 13] = [1, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0];

/// Returns the start of a gzip stream: a block of fixed codes and one ASCII literal, padded with repeats to a whole
/// byte.
pub fn bomb_start(literal: u8) -> Vec<u8> {
    let block = [1, 1, 0];
    // Literals 0 to 143 are 0x30 + the byte, in eight bits, the highest first.
    let literal = (0..8).rev().map(|i| ((0x30 + literal) >> i) & 1);
    // 3 + 8 + 13 bits are three bytes.
    let bits = block.into_iter().chain(literal).chain(REPEAT);
    [&GZIP_HEAD[..], &pack(bits)[..]].concat()
}

/// Returns a continuation that can be repeated: 13 bytes that decode to 2,064.
pub fn bomb_more() -> Vec<u8> {
    pack(REPEAT.repeat(8).into_iter())
}
