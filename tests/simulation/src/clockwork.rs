//! Virtual time over real sockets: time moves only when nothing else can, and then exactly to the next timer.
//!
//! Tokio's own paused clock moves on whenever the runtime parks, and does not wait for what is on its way
//! through a socket: timeouts would fire that never were. Here the runtime does not park while anything
//! happens. Only after many turns without activity is it let go once, moves its clock to the next timer,
//! and is held again. Hours without events cost as much as milliseconds.

use std::{
    cell::{Cell, RefCell},
    future::Future,
    pin::pin,
    task::{Poll, Waker},
    time::Duration,
};

use tokio::{runtime::Builder, task::LocalSet, time::Instant};

/// Turns without activity after which nothing is on its way any more. Over loopback and within one thread
/// each step of an exchange takes a turn or two.
const QUIET_TURNS: u32 = 32;
/// After so many of them the processor is offered to the kernel's own threads: on a busy machine it is they
/// who carry a packet over loopback.
const PATIENT_TURNS: u32 = 12;

/// The virtual now at the beginning of every world, in seconds since 1970: 2026-08-22 22:50 UTC.
pub const BEGINNING: i64 = 1_787_439_000;

thread_local! {
    static STIRRED: Cell<u64> = const { Cell::new(0) };
    static HELD: RefCell<Option<Waker>> = const { RefCell::new(None) };
}

/// Tells that something happened, so that time waits.
pub fn stir() {
    STIRRED.set(STIRRED.get() + 1);
}

/// The time of a world.
#[derive(Debug, Clone, Copy)]
pub struct Clock(Instant);

impl Clock {
    /// Begins now.
    #[must_use]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Since the world began.
    #[must_use]
    pub fn now(self) -> Duration {
        self.0.elapsed()
    }

    /// In milliseconds since 1970.
    #[must_use]
    pub fn unix_ms(self) -> u64 {
        let beginning = Duration::from_secs(BEGINNING.unsigned_abs());
        u64::try_from((beginning + self.now()).as_millis()).unwrap_or(u64::MAX)
    }

    /// In seconds since 1970.
    #[must_use]
    pub fn unix(self) -> i64 {
        i64::try_from(self.unix_ms() / 1000).unwrap_or(i64::MAX)
    }

    /// Waits for a moment of this world.
    pub async fn until(self, moment: Duration) {
        tokio::time::sleep_until(self.0 + moment).await;
    }
}

/// Runs a world to its end on this thread, in virtual time.
///
/// # Panics
/// When the world does, or no runtime can be built.
pub fn run<T: 'static>(world: impl Future<Output = T> + 'static) -> T {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .on_thread_unpark(|| {
            if let Some(waker) = HELD.take() {
                waker.wake();
            }
        })
        .build()
        .expect("a runtime");
    LocalSet::new().block_on(&runtime, hold_time(world))
}

async fn hold_time<T: 'static>(world: impl Future<Output = T> + 'static) -> T {
    let mut world = tokio::task::spawn_local(world);
    // The runtime must never park without a timer, or it would wait for ever.
    let mut end_of_time = pin!(tokio::time::sleep(Duration::from_hours(10 * 365 * 24)));
    let (mut seen, mut quiet) = (0, 0);
    std::future::poll_fn(|context| {
        if let Poll::Ready(ended) = pin!(&mut world).poll(context) {
            return Poll::Ready(ended.expect("the world does not panic"));
        }
        assert!(
            end_of_time.as_mut().poll(context).is_pending(),
            "the world never ends"
        );
        let done = STIRRED.get() + stand_in::activity();
        quiet = if done == seen { quiet + 1 } else { 0 };
        seen = done;
        if quiet > PATIENT_TURNS {
            std::thread::yield_now();
        }
        if quiet < QUIET_TURNS {
            context.waker().wake_by_ref();
        } else {
            quiet = 0;
            HELD.set(Some(context.waker().clone()));
        }
        Poll::Pending
    })
    .await
}
