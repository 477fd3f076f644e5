//! The floors: what the primitives that nobody can avoid take for a gigabyte, in this process, with
//! the libraries that the product uses.

use std::{
    fs,
    hint::black_box,
    io::{Read, Write},
    net::TcpStream,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail};
use aws_lc_rs::{
    cipher::{AES_256, DecryptingKey, DecryptionContext, UnboundCipherKey},
    digest, hmac,
    iv::FixedLength,
};
use crc_fast::CrcAlgorithm;
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    crypto::aws_lc_rs::default_provider,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};

use crate::{
    bench::{Bench, Strategy},
    peers::Peer,
    results::{Figure, Unit},
    stand_ins::media::{MIB, MediaFile},
};

const SIZE: u64 = 100 * MIB;
/// As much as one read of a stream brings.
const PIECE: usize = 64 * 1024;
const ROUNDS: usize = 3;
/// The least time of a round.
const MIN_ROUND_TIME: Duration = Duration::from_millis(300);

/// Measures each primitive in a thread of its own.
pub(crate) async fn measure_floors(bench: &mut Bench) -> Result<()> {
    Bench::say("floors of the primitives");
    let file = Arc::new(MediaFile::make(SIZE)?);
    let announced = bench.announce(&Strategy::Cdn.instance(0), &file)?;
    let roots = fs::read(&bench.world.own_root).context("the bench's root")?;
    let origin = port_of(&bench.world.origins.cdn_base())?;
    let receive = Transfer { port: origin, roots: roots.clone(), is_upload: false };
    let send = Transfer { port: port_of(&bench.world.aws.endpoint())?, roots, is_upload: true };
    let path = format!("/v/t62.7119-24/{}.enc", announced.name);
    let floors: Vec<Floor> = vec![
        ("SHA-256", (2.0, 1.0), always(hash_all)),
        ("HMAC-SHA-256", (1.0, 0.0), always(sign_all)),
        ("AES-256-CBC", (1.0, 0.0), Box::new(decrypt_all)),
        ("CRC-64/NVME", (1.0, 1.0), always(checksum_all)),
        ("TLS receive, with the kernel's part", (1.0, 1.0), Box::new(move || receive.run(&path))),
        ("TLS send, with the kernel's part", (1.0, 1.0), Box::new(move || send.run("/b/floor"))),
    ];
    let (mut by_cdn, mut by_link) = (0.0, 0.0);
    for (name, (of_cdn, of_link), work) in floors {
        let name = format!("floor: {name}");
        let mut figure = Figure::new("cpu", name, Unit::SecondsPerGb);
        let times = tokio::task::spawn_blocking(move || measure_work(&work)).await??;
        for seconds_per_gb in times {
            figure.add(Peer::Product, seconds_per_gb);
        }
        let median = figure.summary(Peer::Product).map_or(0.0, |summary| summary.median);
        by_cdn += median * of_cdn;
        by_link += median * of_link;
        bench.figures.push(figure);
    }
    for (name, sum) in [("floor: all of a file by cdn", by_cdn), ("floor: all by link", by_link)] {
        bench.figures.push(Figure::single("cpu", name, Unit::SecondsPerGb, sum));
    }
    bench.world.origins.forget_files();
    Ok(())
}

type Work = Box<dyn Fn() -> Result<()> + Send>;

/// A primitive: its name, how often a byte by cdn and a byte by link pass through it, and the work.
/// By cdn, both the encrypted and the plain bytes are hashed.
type Floor = (&'static str, (f64, f64), Work);

/// Work that cannot fail.
fn always(work: fn()) -> Work {
    Box::new(move || {
        work();
        Ok(())
    })
}

/// Seconds of the processor for a gigabyte, in each round. A round repeats the work until the
/// kernel's clock, which goes by milliseconds, is exact enough.
fn measure_work(work: &Work) -> Result<Vec<f64>> {
    work()?;
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let before = thread_time()?;
        let (mut passes, mut took) = (0.0, Duration::ZERO);
        while took < MIN_ROUND_TIME {
            work()?;
            passes += 1.0;
            took = thread_time()?.saturating_sub(before);
        }
        #[expect(clippy::cast_precision_loss, reason = "a size far below 2^53")]
        let bytes = SIZE as f64 * passes;
        rounds.push(took.as_secs_f64() * 1e9 / bytes);
    }
    Ok(rounds)
}

/// The processor time of this thread.
fn thread_time() -> Result<Duration> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").context("this needs Linux")?;
    let nanos = text.split(' ').next().context("the thread's time")?.parse()?;
    Ok(Duration::from_nanos(nanos))
}

/// Calls `pass` with each piece of a file, in a buffer of its own.
fn for_each_piece(mut pass: impl FnMut(&mut [u8])) {
    let mut piece = vec![0x5A; PIECE];
    for _ in 0..SIZE / PIECE as u64 {
        pass(&mut piece);
    }
}

fn hash_all() {
    let mut hash = digest::Context::new(&digest::SHA256);
    for_each_piece(|piece| hash.update(piece));
    black_box(hash.finish());
}

fn sign_all() {
    let mut mac = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &[1; 32]));
    for_each_piece(|piece| mac.update(piece));
    black_box(mac.sign());
}

fn decrypt_all() -> Result<()> {
    let key = UnboundCipherKey::new(&AES_256, &[1; 32]).and_then(DecryptingKey::cbc);
    let key = key.map_err(|_| anyhow!("no key"))?;
    let mut is_whole = true;
    for_each_piece(|piece| {
        let context = DecryptionContext::Iv128(FixedLength::from([0; 16]));
        is_whole &= key.decrypt(piece, context).is_ok();
    });
    if is_whole { Ok(()) } else { bail!("a piece cannot be decrypted") }
}

fn checksum_all() {
    let mut digest = crc_fast::Digest::new(CrcAlgorithm::Crc64Nvme);
    for_each_piece(|piece| digest.update(piece));
    black_box(digest.finalize());
}

fn port_of(base: &str) -> Result<u16> {
    Ok(base.rsplit(':').next().context("a port")?.parse()?)
}

/// A request over TLS whose body, in one direction, has the whole size.
struct Transfer {
    port: u16,
    roots: Vec<u8>,
    is_upload: bool,
}

impl Transfer {
    fn run(&self, path: &str) -> Result<()> {
        let mut store = RootCertStore::empty();
        store.add(CertificateDer::from_pem_slice(&self.roots).map_err(|e| anyhow!("{e}"))?)?;
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(store)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost")?;
        let connection = ClientConnection::new(Arc::new(config), name)?;
        let socket = TcpStream::connect(("127.0.0.1", self.port))?;
        let mut stream = StreamOwned::new(connection, socket);
        let mut buffer = vec![0; PIECE];
        if self.is_upload {
            let head = format!("PUT {path} HTTP/1.1\r\nhost: l\r\ncontent-length: {SIZE}\r\n\r\n");
            stream.write_all(head.as_bytes())?;
            for _ in 0..SIZE / PIECE as u64 {
                stream.write_all(&buffer)?;
            }
            return Ok(stream.read(&mut buffer).map(drop)?);
        }
        stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: l\r\n\r\n").as_bytes())?;
        let mut left = SIZE;
        while left > 0 {
            let read = stream.read(&mut buffer)?;
            if read == 0 {
                bail!("the answer broke");
            }
            left = left.saturating_sub(read as u64);
        }
        Ok(())
    }
}
