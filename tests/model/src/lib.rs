//! A model of the protocol of one media message, and a search through all of its states.
//!
//! # What is modelled
//!
//! One media message: its record, its job entry, its object, its copies in the jobs queue and in
//! the parked queue. On it work two runs of the download function, the watch function and an
//! operator, each of which may crash between any two calls to AWS. W-API announces the media
//! message again at any time. The queues deliver twice, park by themselves and lose messages.
//! Faults have no budget: each may happen in every state, any number of times. What makes this
//! finite:
//!
//! - A queue is the set of the kinds of its messages. A kind stands for any number of copies:
//!   taking a message leaves the kind in the set, or does not.
//! - Time is two events: an entry becomes due, a lease ends. Either may come at any moment.
//! - "Accepted before the operator's latest redrive or drop" is a kind of message.
//! - States from which the same follows are one: see `World::normalize`.
//!
//! # What is proven
//!
//! That every [`Property`] holds in every state and in every step that can be reached.
//! [`Property::EveryJobEnds`] is proven without the help of luck: if no further fault happens and
//! nobody intervenes, and if from then on every fetch ends in the same way (stored, skipped or
//! parked), then the steps that remain possible form no circle, and where none is left, the job is
//! at rest. So each order of the steps leads there. Copies lengthen the way, but there are only so
//! many of them.
//!
//! # What is not proven
//!
//! - That the code does what the model does. The steps have the names of its functions;
//!   `tests/simulation` runs the code itself.
//! - How long anything takes. That retries end is the task of `decide_retry`; that a run commits
//!   within its lease is due to the minute between the end of an invocation and that of its lease.
//!   [`Broken::LateCommit`] shows that erasing needs it.
//! - A loss of the queue before the first run of a job has ended: the job has no entry yet, and the
//!   back-fill finds it. See [`Broken::LossBeforeEntry`].
//! - That the jobs queue is without backlog at some time, which `send_orphans` waits for.
//! - Several media messages, records at several places, jobs of another tenant, unread bodies,
//!   the time to live of the mark of an erased media message, and which intent became the object.

mod events;
mod operator;
mod property;
mod queue;
mod run;
mod search;
mod step;
mod watch;
mod world;

pub use crate::{
    property::Property,
    search::{Counterexample, Proof, Search},
    step::{Broken, Step},
};
