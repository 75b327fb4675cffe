//! An update that is killed again and again; `tests/network-cost` does it at length.
#![allow(clippy::unwrap_used)]

use exuvia_tests::kills;
use exuvia_tests::large::World;

#[test]
fn a_kill_costs_a_mebibyte_at_most_and_neither_harms_nor_leaves_anything() {
    let world = World::new(32, "1");
    for series in [kills::half_way(&world, None, 1), kills::at_random(&world, None, 5)] {
        assert!(series.most <= 1 << 20, "{series:?}");
        assert!(series.left.is_empty(), "{series:?}");
        assert!(series.kills > 0 && series.old + series.new == series.kills, "{series:?}");
    }
}
