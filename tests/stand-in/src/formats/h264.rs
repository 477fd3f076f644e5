//! A minimal H.264 encoder: pictures of raw (`I_PCM`) macroblocks, each one independent.

/// Edge of the picture in macroblocks of 16 pixels.
const MACROBLOCKS: u32 = 2;
/// Edge of the picture in pixels.
pub(super) const EDGE: u16 = 32;
/// Luma and chroma samples of one macroblock.
const SAMPLES: usize = 256 + 64 + 64;
/// `mb_type` of a raw macroblock in an I slice.
const I_PCM: u32 = 25;

/// Writes bits, most significant first.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    current: u8,
    filled: u8,
}

impl Bits {
    fn push_bit(&mut self, bit: bool) {
        self.current = self.current << 1 | u8::from(bit);
        self.filled += 1;
        if self.filled == 8 {
            self.bytes.push(self.current);
            self.current = 0;
            self.filled = 0;
        }
    }

    fn push_bits(&mut self, value: u32, count: u32) {
        for place in (0..count).rev() {
            self.push_bit(value >> place & 1 == 1);
        }
    }

    /// Unsigned Exp-Golomb.
    fn push_ue(&mut self, value: u32) {
        let length = (value + 1).ilog2();
        self.push_bits(0, length);
        self.push_bits(value + 1, length + 1);
    }

    fn align_to_byte(&mut self) {
        while self.filled != 0 {
            self.push_bit(false);
        }
    }

    /// Appends the stop bit and zeros up to a whole byte, then builds a NAL unit with emulation
    /// prevention.
    fn into_nal_unit(mut self, header: u8) -> Vec<u8> {
        self.push_bit(true);
        self.align_to_byte();
        let mut out = vec![header];
        let mut zeros = 0;
        for byte in self.bytes {
            if zeros == 2 && byte <= 3 {
                out.push(3);
                zeros = 0;
            }
            zeros = if byte == 0 { zeros + 1 } else { 0 };
            out.push(byte);
        }
        out
    }
}

/// The sequence parameter set: baseline, level 1.
pub(super) fn sequence_parameters() -> Vec<u8> {
    let mut bits = Bits::default();
    bits.push_bits(66, 8); // profile
    bits.push_bits(0xc0, 8); // constraints: baseline and main
    bits.push_bits(10, 8); // level
    bits.push_ue(0); // id
    bits.push_ue(0); // frame_num of 4 bits
    bits.push_ue(0); // picture order count type
    bits.push_ue(0); // picture order count of 4 bits
    bits.push_ue(0); // no reference frames
    bits.push_bit(false); // no gaps
    bits.push_ue(MACROBLOCKS - 1); // width
    bits.push_ue(MACROBLOCKS - 1); // height
    bits.push_bit(true); // frames, not fields
    bits.push_bit(false); // direct_8x8_inference
    bits.push_bit(false); // no cropping
    bits.push_bit(false); // no VUI
    bits.into_nal_unit(0x67)
}

/// The picture parameter set.
pub(super) fn picture_parameters() -> Vec<u8> {
    let mut bits = Bits::default();
    bits.push_ue(0); // id
    bits.push_ue(0); // of SPS 0
    bits.push_bits(0, 2); // CAVLC, no field order
    bits.push_ue(0); // one slice group
    bits.push_ue(0); // one reference in list 0
    bits.push_ue(0); // one reference in list 1
    bits.push_bits(0, 3); // no weighted prediction
    bits.push_ue(0); // QP 26
    bits.push_ue(0); // QS 26
    bits.push_ue(0); // chroma QP
    bits.push_bits(0, 3); // no deblocking control, no constrained intra, no redundant pictures
    bits.into_nal_unit(0x68)
}

/// One picture. Its samples repeat `texture`, without zeros, which raw macroblocks must not have.
pub(super) fn encode_picture(number: u32, texture: &[u8]) -> Vec<u8> {
    let mut bits = Bits::default();
    bits.push_ue(0); // first macroblock
    bits.push_ue(7); // I slice
    bits.push_ue(0); // PPS 0
    bits.push_bits(0, 4); // frame_num
    bits.push_ue(number % 2); // idr_pic_id differs from the previous picture
    bits.push_bits(0, 4); // picture order
    bits.push_bits(0, 2); // no output of prior pictures, no long term reference
    bits.push_ue(0); // QP as in the PPS
    let mut samples = texture.iter().cycle();
    for _ in 0..MACROBLOCKS * MACROBLOCKS {
        bits.push_ue(I_PCM);
        bits.align_to_byte();
        for sample in samples.by_ref().take(SAMPLES) {
            bits.push_bits(u32::from((*sample).clamp(16, 235)), 8);
        }
    }
    bits.into_nal_unit(0x65)
}
