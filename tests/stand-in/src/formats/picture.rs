//! Pictures: coloured tiles derived from the seed.

use std::io::Cursor;

use anyhow::{Context, Result};
use image::codecs::jpeg::JpegEncoder;
use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, ImageFormat, Rgb, RgbImage};

use crate::noise;

const WIDTH: u32 = 64;
const HEIGHT: u32 = 48;
/// Edge of one tile, in pixels.
const TILE: u32 = 8;

fn draw_tiles(seed: &str, width: u32, height: u32) -> RgbImage {
    let seed = noise::derive_number(seed, "picture");
    RgbImage::from_fn(width, height, |x, y| {
        let [red, green, blue, ..] =
            noise::noise_word(seed, u64::from(y / TILE * WIDTH + x / TILE));
        Rgb([red, green, blue])
    })
}

/// A JPEG of 64 × 48.
pub(super) fn make_jpeg(seed: &str) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    draw_tiles(seed, WIDTH, HEIGHT)
        .write_with_encoder(JpegEncoder::new_with_quality(&mut out, 90))
        .context("JPEG encoder")?;
    Ok(out)
}

/// The JPEG of 16 × 16 that a webhook contains.
pub(crate) fn make_thumbnail(seed: &str) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    draw_tiles(seed, 16, 16)
        .write_with_encoder(JpegEncoder::new_with_quality(&mut out, 50))
        .context("JPEG encoder")?;
    Ok(out)
}

/// A PNG of 64 × 48.
pub(super) fn make_png(seed: &str) -> Result<Vec<u8>> {
    let mut out = Cursor::new(Vec::new());
    draw_tiles(seed, WIDTH, HEIGHT).write_to(&mut out, ImageFormat::Png).context("PNG encoder")?;
    Ok(out.into_inner())
}

/// A lossless WebP of 64 × 64. Its RIFF container ends with a chunk of filler, which decoders
/// skip.
pub(super) fn make_webp(seed: &str, filler_len: u64) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    WebPEncoder::new_lossless(&mut out)
        .encode(&draw_tiles(seed, 64, 64), 64, 64, ExtendedColorType::Rgb8)
        .context("WebP encoder")?;
    if filler_len > 0 {
        out.extend_from_slice(b"PADD");
        out.extend_from_slice(
            &u32::try_from(filler_len).context("WebP ends at 4 GiB")?.to_le_bytes(),
        );
        let riff_len = out.len() as u64 - 8 + filler_len;
        let riff_len = u32::try_from(riff_len).context("WebP ends at 4 GiB")?;
        out.splice(4..8, riff_len.to_le_bytes());
    }
    Ok(out)
}
