//! A quiet tenant beside a burst of ten thousand: with the tenant as message group it hardly notices.

use simulation::fairness::Rush;

const BESIDE_A_BURST: Rush = Rush {
    functions: 10,
    burst: 10_000,
    quiet: 60,
    is_fair: true,
};

const ALONE: Rush = Rush {
    burst: 0,
    ..BESIDE_A_BURST
};

#[test]
fn a_quiet_tenant_waits_at_most_twice_as_long_beside_a_burst_of_ten_thousand() {
    let (alone, beside) = (ALONE.quiet_time(), BESIDE_A_BURST.quiet_time());
    assert!(beside <= 2 * alone, "{beside:?}, alone {alone:?}");
}

#[test]
fn without_message_groups_it_would_wait_for_the_whole_burst() {
    let unfair = Rush {
        is_fair: false,
        ..BESIDE_A_BURST
    };
    let (alone, beside) = (ALONE.quiet_time(), unfair.quiet_time());
    assert!(beside > 20 * alone, "{beside:?}, alone {alone:?}");
}
