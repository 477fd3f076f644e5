//! A quiet tenant during another's burst of ten thousand jobs: with the tenant as message group
//! it is hardly delayed.

use simulation::fairness::Rush;

const BESIDE_A_BURST: Rush = Rush { functions: 10, burst: 10_000, quiet: 60, is_fair: true };

const ALONE: Rush = Rush { burst: 0, ..BESIDE_A_BURST };

#[test]
fn a_burst_at_most_doubles_a_quiet_tenants_wait() {
    let (alone, beside) = (ALONE.quiet_p99(), BESIDE_A_BURST.quiet_p99());
    assert!(beside <= 2 * alone, "{beside:?}, alone {alone:?}");
}

/// Without message groups the quiet tenant waits for the whole burst.
#[test]
fn without_groups_a_quiet_tenant_waits_longer() {
    let unfair = Rush { is_fair: false, ..BESIDE_A_BURST };
    let (alone, beside) = (ALONE.quiet_p99(), unfair.quiet_p99());
    assert!(beside > 20 * alone, "{beside:?}, alone {alone:?}");
}
