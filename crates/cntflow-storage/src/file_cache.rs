//! What was read last, kept: workers measure what one file holds one after the other, and must not read the file anew for each.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use crate::Location;

/// What was made of a few files last, as long as these are as they were.
pub struct FileCache<T> {
    /// The last used first.
    slots: Mutex<Vec<Slot<T>>>,
    most: usize,
}

struct Slot<T> {
    of: Location,
    version: Version,
    value: Arc<Value<T>>,
}

/// Locked while it is made; others who want it wait.
type Value<T> = Mutex<Option<Arc<T>>>;

/// Length of a file and the time of its last change: what tells that it is another now. `None` of an object, which stays as it was
/// first read.
type Version = Option<(u64, SystemTime)>;

impl<T> FileCache<T> {
    /// Keeps what was made of so many files at most.
    pub const fn new(most: usize) -> Self {
        Self {
            slots: Mutex::new(Vec::new()),
            most,
        }
    }

    /// What is kept of `of`, or what `make` makes of it. Errors are not kept.
    ///
    /// # Errors
    /// As `make`.
    pub fn get<E>(&self, of: &Location, make: impl FnOnce() -> Result<T, E>) -> Result<Arc<T>, E> {
        let value = self.slot(of);
        let mut held = lock(&value);
        if let Some(kept) = &*held {
            return Ok(Arc::clone(kept));
        }
        let made = make().map(Arc::new);
        match &made {
            Ok(made) => *held = Some(Arc::clone(made)),
            Err(_) => lock(&self.slots).retain(|slot| !Arc::ptr_eq(&slot.value, &value)),
        }
        made
    }

    fn slot(&self, of: &Location) -> Arc<Value<T>> {
        let version = version(&of.path);
        let mut slots = lock(&self.slots);
        let known = slots
            .iter()
            .position(|slot| slot.of == *of && slot.version == version);
        let slot = known.map_or_else(
            || Slot {
                of: of.clone(),
                version,
                value: Arc::default(),
            },
            |at| slots.remove(at),
        );
        let value = Arc::clone(&slot.value);
        slots.insert(0, slot);
        slots.truncate(self.most);
        value
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn version(path: &Path) -> Version {
    let file = path.metadata().ok()?;
    Some((file.len(), file.modified().ok()?))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn at(row: u64) -> Location {
        Location::from(Path::new("s3://zoo/a")).at_row(row)
    }

    #[test]
    fn the_last_used_are_kept() {
        let kept = FileCache::new(2);
        let get = |row| {
            let mut made = false;
            let make = || {
                made = true;
                Ok::<_, ()>(row)
            };
            assert_eq!(kept.get(&at(row), make), Ok(Arc::new(row)));
            made
        };
        assert_eq!(
            [1, 2, 1, 3, 1, 2].map(get),
            [true, true, false, true, false, true]
        );
    }

    #[test]
    fn errors_are_not_kept() {
        let kept = FileCache::new(2);
        assert_eq!(kept.get(&at(0), || Err::<u8, _>("gone")), Err("gone"));
        assert!(lock(&kept.slots).is_empty());
        assert_eq!(kept.get(&at(0), || Ok::<_, ()>(1)), Ok(Arc::new(1)));
    }

    #[test]
    fn who_asks_meanwhile_waits_and_shares() {
        let kept = FileCache::new(2);
        let made = Mutex::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let make = || {
                        *lock(&made) += 1;
                        std::thread::yield_now();
                        Ok::<_, ()>(7)
                    };
                    assert_eq!(kept.get(&at(0), make), Ok(Arc::new(7)));
                });
            }
        });
        assert_eq!(*lock(&made), 1);
    }
}
