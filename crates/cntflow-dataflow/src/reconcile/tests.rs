//! Random changes against a computation from scratch, as differential's own `reduce_oracle`.

use std::collections::BTreeMap;

use super::*;

/// A generator of test cases (xorshift): which ones come does not matter.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

#[derive(Default)]
struct Study {
    wanted: BTreeMap<Key, WantedCheckpoint>,
    held: BTreeMap<Key, HeldCheckpoint>,
}

impl Study {
    fn change(&mut self, random: &mut Random, reconciler: &mut Reconciler) {
        let key = Key::from(random.below(200));
        if random.below(2) == 0 {
            let new = (random.below(4) > 0).then(|| WantedCheckpoint {
                key,
                version: Version::from(random.below(3)),
                position: Some(Position {
                    run: key % 40,
                    step: random.below(3) as i64,
                    name: format!("net{key}"),
                }),
            });
            let old = match new.clone() {
                Some(new) => self.wanted.insert(key, new),
                None => self.wanted.remove(&key),
            };
            old.into_iter().for_each(|old| reconciler.forget(old));
            new.into_iter().for_each(|new| reconciler.want(new));
        } else {
            let new = (random.below(4) > 0).then(|| HeldCheckpoint {
                key,
                version: Version::from(random.below(3)),
                is_complete: random.below(5) > 0,
                facts: Facts {
                    status: random.below(3) as u8,
                    groups: (0..random.below(3))
                        .map(|_| (0, random.below(5) as i64))
                        .collect(),
                    sums: vec![(random.below(2) as u32, i128::from(random.below(100)) - 50)],
                },
            });
            let old = match new.clone() {
                Some(new) => self.held.insert(key, new),
                None => self.held.remove(&key),
            };
            old.into_iter().for_each(|old| reconciler.release(old));
            new.into_iter().for_each(|new| reconciler.hold(new));
        }
    }

    fn is_current(&self, held: &HeldCheckpoint) -> bool {
        let wanted = self.wanted.get(&held.key);
        wanted.is_some_and(|wanted| wanted.version == held.version)
    }

    fn to_do(&self) -> Vec<(Key, Version)> {
        let is_done = |wanted: &WantedCheckpoint| {
            let held = self.held.get(&wanted.key);
            held.is_some_and(|held| held.is_complete && held.version == wanted.version)
        };
        let to_do = self.wanted.values().filter(|wanted| !is_done(wanted));
        to_do.map(|wanted| (wanted.key, wanted.version)).collect()
    }

    fn stale(&self) -> Vec<(Key, Version)> {
        let stale = self.held.values().filter(|held| !self.is_current(held));
        stale.map(|held| (held.key, held.version)).collect()
    }

    fn totals(&self) -> Totals {
        let mut last: BTreeMap<Key, (i64, &str, Key)> = BTreeMap::new();
        for wanted in self.wanted.values() {
            let position = wanted.position.as_ref().unwrap();
            let place = (position.step, position.name.as_str(), wanted.key);
            let entry = last.entry(position.run).or_insert(place);
            *entry = place.max(*entry);
        }
        let last: Vec<Key> = last.values().map(|(_, _, key)| *key).collect();
        let mut totals = Totals::default();
        for held in self.held.values().filter(|held| self.is_current(held)) {
            *totals.by_status.entry(held.facts.status).or_default() += 1;
            if !last.contains(&held.key) {
                continue;
            }
            for &group in &held.facts.groups {
                *totals.by_group.entry(group).or_default() += 1;
            }
            for &(index, value) in &held.facts.sums {
                let sum = totals.sums.entry(index).or_default();
                sum.0 += 1;
                sum.1 += value;
            }
        }
        totals
    }
}

#[test]
fn after_every_moment_all_is_as_computed_from_scratch() {
    for n_workers in [1, 3] {
        let mut random = Random(0x2545_F491_4F6C_DD1D);
        let mut reconciler = Reconciler::start(n_workers, Depth::Totals).unwrap();
        let mut study = Study::default();
        for moment in 0..60 {
            for _ in 0..random.below(60) {
                study.change(&mut random, &mut reconciler);
            }
            let before = reconciler.to_do().clone();
            let changes = reconciler.settle().unwrap();
            let context = format!("moment {moment}, {n_workers} workers");
            let to_do: Vec<_> = reconciler.to_do().iter().copied().collect();
            assert_eq!(to_do, study.to_do(), "{context}");
            let stale: Vec<_> = reconciler.stale().iter().copied().collect();
            assert_eq!(stale, study.stale(), "{context}");
            assert_eq!(*reconciler.totals(), study.totals(), "{context}");
            let new: Vec<_> = reconciler.to_do().difference(&before).copied().collect();
            assert_eq!(changes.to_do, new, "{context}");
        }
    }
}

#[test]
fn where_nothing_else_is_asked_for_only_what_is_to_do_is_kept() {
    let mut reconciler = Reconciler::start(2, Depth::ToDo).unwrap();
    reconciler.want(WantedCheckpoint {
        key: 1,
        version: 7,
        position: None,
    });
    reconciler.hold(HeldCheckpoint {
        key: 2,
        version: 7,
        is_complete: true,
        facts: Facts::default(),
    });
    let changes = reconciler.settle().unwrap();
    assert_eq!(changes.to_do, [(1, 7)]);
    assert_eq!(changes.stale, []);
    assert_eq!(*reconciler.totals(), Totals::default());
}
