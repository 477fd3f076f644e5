//! The cryptographic library uses the processor's instructions for AES and SHA-256.

#![allow(
    clippy::expect_used,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

use std::time::{Duration, Instant};

use aws_lc_rs::{
    cipher::{
        AES_256, DecryptingKey, DecryptionContext, EncryptingKey, EncryptionContext,
        UnboundCipherKey,
    },
    digest,
};

/// The fastest of several runs, so that a busy machine does not decide.
fn fastest_run(mut run: impl FnMut()) -> Duration {
    let once = |run: &mut dyn FnMut()| {
        let started = Instant::now();
        run();
        started.elapsed()
    };
    (0..15).map(|_| once(&mut run)).min().expect("fifteen runs")
}

/// Whether this processor has instructions for AES and for SHA-256.
#[cfg(target_arch = "x86_64")]
fn aes_and_sha_instructions() -> (bool, bool) {
    (is_x86_feature_detected!("aes"), is_x86_feature_detected!("sha"))
}

/// Whether this processor has instructions for AES and for SHA-256.
#[cfg(target_arch = "aarch64")]
fn aes_and_sha_instructions() -> (bool, bool) {
    (
        std::arch::is_aarch64_feature_detected!("aes"),
        std::arch::is_aarch64_feature_detected!("sha2"),
    )
}

/// A ratio within one run tells processor instructions from software. With them, SHA-256 outruns
/// SHA-512, which software never does on 64 bits; and CBC decryption, which works on many blocks at
/// once, far outruns encryption, which cannot.
#[test]
fn hashing_and_decryption_use_processor_instructions() {
    let (has_aes, has_sha) = aes_and_sha_instructions();
    let data = vec![1_u8; 1024 * 1024];
    let sha256 =
        fastest_run(|| assert_eq!(digest::digest(&digest::SHA256, &data).as_ref().len(), 32));
    let sha512 =
        fastest_run(|| assert_eq!(digest::digest(&digest::SHA512, &data).as_ref().len(), 64));
    assert_eq!(sha256 < sha512, has_sha, "SHA-256 in {sha256:?}, SHA-512 in {sha512:?}");

    let cipher = || UnboundCipherKey::new(&AES_256, &[2; 32]).expect("a key of 32 bytes");
    let (encrypting, decrypting) = (EncryptingKey::cbc(cipher()), DecryptingKey::cbc(cipher()));
    let (encrypting, decrypting) = (encrypting.expect("CBC"), decrypting.expect("CBC"));
    let (mut there, mut back) = (data.clone(), data.clone());
    let encrypt = fastest_run(|| {
        let context = EncryptionContext::Iv128([0; 16].into());
        encrypting.less_safe_encrypt(&mut there, context).expect("whole blocks");
    });
    let decrypt = fastest_run(|| {
        decrypting
            .decrypt(&mut back, DecryptionContext::Iv128([0; 16].into()))
            .expect("whole blocks");
    });
    assert_eq!(
        decrypt * 2 < encrypt,
        has_aes,
        "decrypted in {decrypt:?}, encrypted in {encrypt:?}"
    );
}
