//! A cache of values parsed from files. Workers measure the checkpoints of one file one after
//! another; without the cache each would parse the file again.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use crate::Location;

/// The values that were last made from a few files, dropped when their file changes.
pub struct FileCache<T> {
    /// The last used first.
    slots: Mutex<Vec<Slot<T>>>,
    capacity: usize,
}

struct Slot<T> {
    location: Location,
    version: Version,
    value: Arc<Value<T>>,
}

/// `None` until the value is made. The thread that makes it holds the lock; others wait instead of
/// making it too.
type Value<T> = Mutex<Option<Arc<T>>>;

/// Length and time of the last change of a file: another pair means that the file was replaced.
/// `None` for an object, which is assumed not to change, so its first value is kept.
type Version = Option<(u64, SystemTime)>;

impl<T> FileCache<T> {
    /// A cache of at most `capacity` values.
    pub const fn new(capacity: usize) -> Self {
        Self {
            slots: Mutex::new(Vec::new()),
            capacity,
        }
    }

    /// The value of `location`: the cached one, or else the one that `make` makes. Errors are not
    /// cached.
    ///
    /// # Errors
    /// As `make`.
    pub fn get<E>(
        &self,
        location: &Location,
        make: impl FnOnce() -> Result<T, E>,
    ) -> Result<Arc<T>, E> {
        let value = self.slot(location);
        let mut cached = lock(&value);
        if let Some(cached) = &*cached {
            return Ok(Arc::clone(cached));
        }
        let made = make().map(Arc::new);
        match &made {
            Ok(made) => *cached = Some(Arc::clone(made)),
            Err(_) => lock(&self.slots).retain(|slot| !Arc::ptr_eq(&slot.value, &value)),
        }
        made
    }

    fn slot(&self, location: &Location) -> Arc<Value<T>> {
        let version = version(&location.path);
        let mut slots = lock(&self.slots);
        let index = slots
            .iter()
            .position(|slot| slot.location == *location && slot.version == version);
        let slot = match index {
            Some(index) => slots.remove(index),
            None => Slot {
                location: location.clone(),
                version,
                value: Arc::default(),
            },
        };
        let value = Arc::clone(&slot.value);
        slots.insert(0, slot);
        slots.truncate(self.capacity);
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

    fn row(row: u64) -> Location {
        Location::from(Path::new("s3://zoo/a")).at_row(row)
    }

    #[test]
    fn the_last_used_values_stay_cached() {
        let cache = FileCache::new(2);
        let get = |row| {
            let mut made = false;
            let make = || {
                made = true;
                Ok::<_, ()>(row)
            };
            assert_eq!(cache.get(&self::row(row), make), Ok(Arc::new(row)));
            made
        };
        assert_eq!(
            [1, 2, 1, 3, 1, 2].map(get),
            [true, true, false, true, false, true]
        );
    }

    #[test]
    fn errors_are_not_cached() {
        let cache = FileCache::new(2);
        assert_eq!(cache.get(&row(0), || Err::<u8, _>("gone")), Err("gone"));
        assert!(lock(&cache.slots).is_empty());
        assert_eq!(cache.get(&row(0), || Ok::<_, ()>(1)), Ok(Arc::new(1)));
    }

    #[test]
    fn threads_that_ask_meanwhile_wait_and_share_the_value() {
        let cache = FileCache::new(2);
        let made = Mutex::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let make = || {
                        *lock(&made) += 1;
                        std::thread::yield_now();
                        Ok::<_, ()>(7)
                    };
                    assert_eq!(cache.get(&row(0), make), Ok(Arc::new(7)));
                });
            }
        });
        assert_eq!(*lock(&made), 1);
    }
}
