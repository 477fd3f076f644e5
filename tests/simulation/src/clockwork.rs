//! Virtual time over real sockets: time advances only when nothing else can happen, and then
//! exactly to the next timer.
//!
//! Tokio's own paused clock advances whenever the runtime parks. It does not wait for data that
//! is on its way through a socket, so timeouts would fire that never should. Here the runtime
//! does not park while anything happens. After many turns without activity it may park once,
//! which advances its clock to the next timer. Hours without events cost as much as milliseconds.

use std::{
    cell::{Cell, RefCell},
    future::Future,
    pin::pin,
    task::{Poll, Waker},
    time::Duration,
};

use tokio::{runtime::Builder, task::LocalSet, time::Instant};

/// Turns without activity after which nothing is in transit. Over loopback and within one thread,
/// each step of an exchange takes a turn or two.
const QUIET_TURNS: u32 = 32;
/// Quiet turns after which the thread yields the processor: on a busy machine the kernel's
/// threads need it to carry a packet over loopback.
const PATIENT_TURNS: u32 = 12;

/// The virtual time at which every world begins, in seconds since 1970: 2026-08-22 22:50 UTC.
pub const WORLD_START: i64 = 1_787_439_000;

thread_local! {
    static STIRRED: Cell<u64> = const { Cell::new(0) };
    static HELD: RefCell<Option<Waker>> = const { RefCell::new(None) };
}

/// Reports activity, so that time waits.
pub fn report_activity() {
    STIRRED.set(STIRRED.get() + 1);
}

/// The clock of one world.
#[derive(Debug, Clone, Copy)]
pub struct Clock(Instant);

impl Clock {
    /// Starts a world's clock now.
    #[must_use]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// The time since the world began.
    #[must_use]
    pub fn now(self) -> Duration {
        self.0.elapsed()
    }

    /// The time in milliseconds since 1970.
    #[must_use]
    pub fn unix_ms(self) -> u64 {
        let beginning = Duration::from_secs(WORLD_START.unsigned_abs());
        u64::try_from((beginning + self.now()).as_millis()).unwrap_or(u64::MAX)
    }

    /// The time in seconds since 1970.
    #[must_use]
    pub fn unix(self) -> i64 {
        i64::try_from(self.unix_ms() / 1000).unwrap_or(i64::MAX)
    }

    /// Waits until this moment of the world.
    pub async fn sleep_until(self, moment: Duration) {
        tokio::time::sleep_until(self.0 + moment).await;
    }
}

/// Runs a world to its end on this thread, in virtual time.
///
/// # Panics
/// If the world panics, or if no runtime can be built.
pub fn run_in_virtual_time<T: 'static>(world: impl Future<Output = T> + 'static) -> T {
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
    // Without a timer, a parked runtime would wait for ever.
    let mut end_of_time = pin!(tokio::time::sleep(Duration::from_hours(10 * 365 * 24)));
    let (mut seen, mut quiet) = (0, 0);
    std::future::poll_fn(|context| {
        if let Poll::Ready(ended) = pin!(&mut world).poll(context) {
            return Poll::Ready(ended.expect("the world does not panic"));
        }
        assert!(end_of_time.as_mut().poll(context).is_pending(), "the world does not end");
        let done = STIRRED.get() + stand_in::activity_count();
        quiet = if done == seen { quiet + 1 } else { 0 };
        seen = done;
        if quiet > PATIENT_TURNS {
            std::thread::yield_now();
        }
        if quiet < QUIET_TURNS {
            // Waking itself keeps the runtime from parking, so the paused clock stands still.
            context.waker().wake_by_ref();
        } else {
            // Without a wake-up the runtime parks and advances its clock to the next timer; the
            // callback on unpark then wakes this future.
            quiet = 0;
            HELD.set(Some(context.waker().clone()));
        }
        Poll::Pending
    })
    .await
}
