//! Just enough of an H.264 encoder: pictures of raw (`I_PCM`) macroblocks, each a picture of its own.

/// Edge of the picture in macroblocks of 16 pixels.
const MACROBLOCKS: u32 = 2;
/// Edge of the picture in pixels.
pub(super) const EDGE: u16 = 32;
/// Luma and chroma samples of one macroblock.
const SAMPLES: usize = 256 + 64 + 64;
/// `mb_type` of a raw macroblock in an I slice.
const I_PCM: u32 = 25;

/// Writes bits, high ones first.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    current: u8,
    filled: u8,
}

impl Bits {
    fn bit(&mut self, bit: bool) {
        self.current = self.current << 1 | u8::from(bit);
        self.filled += 1;
        if self.filled == 8 {
            self.bytes.push(self.current);
            self.current = 0;
            self.filled = 0;
        }
    }

    fn bits(&mut self, value: u32, count: u32) {
        for place in (0..count).rev() {
            self.bit(value >> place & 1 == 1);
        }
    }

    /// Unsigned Exp-Golomb.
    fn ue(&mut self, value: u32) {
        let length = (value + 1).ilog2();
        self.bits(0, length);
        self.bits(value + 1, length + 1);
    }

    fn align(&mut self) {
        while self.filled != 0 {
            self.bit(false);
        }
    }

    /// The stop bit, and zeros up to a whole byte; then as a NAL unit, with emulation prevention.
    fn nal(mut self, header: u8) -> Vec<u8> {
        self.bit(true);
        self.align();
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
pub(super) fn sps() -> Vec<u8> {
    let mut bits = Bits::default();
    bits.bits(66, 8); // profile
    bits.bits(0xc0, 8); // constraints: baseline and main
    bits.bits(10, 8); // level
    bits.ue(0); // id
    bits.ue(0); // frame_num of 4 bits
    bits.ue(0); // picture order counted
    bits.ue(0); // in 4 bits
    bits.ue(0); // no reference frames
    bits.bit(false); // no gaps
    bits.ue(MACROBLOCKS - 1); // width
    bits.ue(MACROBLOCKS - 1); // height
    bits.bit(true); // frames, not fields
    bits.bit(false); // direct_8x8_inference
    bits.bit(false); // no cropping
    bits.bit(false); // no VUI
    bits.nal(0x67)
}

/// The picture parameter set.
pub(super) fn pps() -> Vec<u8> {
    let mut bits = Bits::default();
    bits.ue(0); // id
    bits.ue(0); // of SPS 0
    bits.bits(0, 2); // CAVLC, no field order
    bits.ue(0); // one slice group
    bits.ue(0); // one reference in list 0
    bits.ue(0); // and 1
    bits.bits(0, 3); // no weighted prediction
    bits.ue(0); // QP 26
    bits.ue(0); // QS 26
    bits.ue(0); // chroma QP
    bits.bits(0, 3); // no deblocking control, no constrained intra, no redundant pictures
    bits.nal(0x68)
}

/// One picture. Its samples repeat `texture`; zeros are avoided, as raw macroblocks may not hold them.
pub(super) fn picture(number: u32, texture: &[u8]) -> Vec<u8> {
    let mut bits = Bits::default();
    bits.ue(0); // first macroblock
    bits.ue(7); // I slice
    bits.ue(0); // PPS 0
    bits.bits(0, 4); // frame_num
    bits.ue(number % 2); // idr_pic_id differs from the picture before
    bits.bits(0, 4); // picture order
    bits.bits(0, 2); // no output of prior pictures, no long term reference
    bits.ue(0); // QP as in the PPS
    let mut samples = texture.iter().cycle();
    for _ in 0..MACROBLOCKS * MACROBLOCKS {
        bits.ue(I_PCM);
        bits.align();
        for sample in samples.by_ref().take(SAMPLES) {
            bits.bits(u32::from((*sample).clamp(16, 235)), 8);
        }
    }
    bits.nal(0x65)
}
