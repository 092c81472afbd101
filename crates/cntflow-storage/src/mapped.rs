//! Files that are mapped into memory while others may write to them.
//!
//! If a mapped file is cut short, reading beyond its new end is a bus error, which ends the whole
//! process. A handler puts zeros in place of the missing pages instead and notes that the map is
//! damaged. Whoever has read the file asks [`MappedFile::check_unchanged`] at the end.

use std::fs::{File, Metadata};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use memmap2::Mmap;

/// A file mapped for reading.
#[derive(Debug)]
pub(crate) struct MappedFile {
    /// Given back before `map` is unmapped.
    watched: watch::Watched,
    map: Mmap,
    /// Where the file was, and its state; `None` for a temporary file without a name, which nobody
    /// else writes to. An open file is not kept: a checkpoint may have hundreds of shards.
    origin: Option<(PathBuf, FileState)>,
}

/// What changes when a file is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileState {
    length: u64,
    modified: Option<SystemTime>,
    /// Which file it is: another one may take its name.
    #[cfg(unix)]
    inode: (u64, u64),
}

impl FileState {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        Self {
            length: metadata.len(),
            modified: metadata.modified().ok(),
            #[cfg(unix)]
            inode: {
                use std::os::unix::fs::MetadataExt;
                (metadata.dev(), metadata.ino())
            },
        }
    }

    /// Whether both are of one file; true where this is not known.
    fn is_same_file(&self, other: &Self) -> bool {
        #[cfg(unix)]
        let is_same = self.inode == other.inode;
        #[cfg(not(unix))]
        let is_same = {
            let _ = other;
            true
        };
        is_same
    }
}

impl MappedFile {
    /// Maps an open file.
    ///
    /// # Errors
    /// The system cannot map it.
    pub(crate) fn new(file: &File, path: Option<&Path>) -> std::io::Result<Self> {
        let origin = match path {
            Some(path) => Some((path.to_owned(), FileState::of(&file.metadata()?))),
            None => None,
        };
        // SAFETY: the map is only read, as bytes, for which every value is valid. Another process
        // may change the file meanwhile; then `check_unchanged` says so, and what was read is not
        // used. If it cuts the file short, `watch` puts zeros in place of the missing pages.
        #[expect(unsafe_code, reason = "a memory map, see above")]
        let map = unsafe { Mmap::map(file) }?;
        Ok(Self {
            watched: watch::Watched::new(&map),
            map,
            origin,
        })
    }

    /// Makes sure that nothing has written to the file since it was mapped.
    ///
    /// # Errors
    /// Something has.
    pub(crate) fn check_unchanged(&self) -> std::io::Result<()> {
        if self.watched.is_damaged() {
            return Err(changed());
        }
        let Some((path, state)) = &self.origin else {
            return Ok(());
        };
        // A file that was removed, or that another one has replaced, is still mapped as it was.
        match fs_err::metadata(path) {
            Ok(metadata) => {
                let now = FileState::of(&metadata);
                if now.is_same_file(state) && now != *state {
                    return Err(changed());
                }
                Ok(())
            }
            Err(_) => Ok(()),
        }
    }
}

impl Deref for MappedFile {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.map
    }
}

/// The error of a file that was written to while it was read.
pub(crate) fn changed() -> std::io::Error {
    // Its writer may have ended a moment later.
    let text = "the file was changed while it was read, or cannot be read";
    std::io::Error::new(std::io::ErrorKind::ResourceBusy, text)
}

#[cfg(unix)]
mod watch {
    use std::sync::Once;
    use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};

    /// Maps that are watched at the same time: a checkpoint may have hundreds of shards.
    const MAX_WATCHED: usize = 4096;

    /// A range of addresses; `start` is 0 while the slot is free, and `end` is 0 until it is
    /// complete.
    struct Slot {
        start: AtomicUsize,
        end: AtomicUsize,
        is_damaged: AtomicBool,
    }

    static SLOTS: [Slot; MAX_WATCHED] = [const {
        Slot {
            start: AtomicUsize::new(0),
            end: AtomicUsize::new(0),
            is_damaged: AtomicBool::new(false),
        }
    }; MAX_WATCHED];

    /// The size of a page, for the handler.
    static PAGE: AtomicUsize = AtomicUsize::new(4096);

    /// What handled bus errors before.
    static EARLIER: AtomicPtr<libc::sigaction> = AtomicPtr::new(std::ptr::null_mut());

    const ORDER: Ordering = Ordering::SeqCst;

    /// A map whose bus errors are handled.
    #[derive(Debug)]
    pub(super) struct Watched {
        /// `None` if all slots are taken: then a bus error ends the process.
        slot: Option<usize>,
    }

    impl Watched {
        pub(super) fn new(map: &[u8]) -> Self {
            install_handler();
            let start = map.as_ptr().addr();
            let free = |slot: &Slot| slot.start.compare_exchange(0, start, ORDER, ORDER).is_ok();
            let slot = if map.is_empty() {
                None
            } else {
                SLOTS.iter().position(free)
            };
            if let Some(slot) = slot {
                SLOTS[slot].is_damaged.store(false, ORDER);
                SLOTS[slot].end.store(start + map.len(), ORDER);
            }
            Self { slot }
        }

        pub(super) fn is_damaged(&self) -> bool {
            self.slot
                .is_some_and(|slot| SLOTS[slot].is_damaged.load(ORDER))
        }
    }

    impl Drop for Watched {
        fn drop(&mut self) {
            if let Some(slot) = self.slot {
                SLOTS[slot].end.store(0, ORDER);
                SLOTS[slot].start.store(0, ORDER);
            }
        }
    }

    fn install_handler() {
        static INSTALLED: Once = Once::new();
        INSTALLED.call_once(|| {
            // SAFETY: `sysconf` reads a constant. Both `sigaction` structures are valid and live
            // for ever; the handler calls only what is allowed in one: atomics and system calls.
            #[expect(unsafe_code, reason = "the bus errors of memory maps, see above")]
            unsafe {
                if let Ok(page) = usize::try_from(libc::sysconf(libc::_SC_PAGESIZE)) {
                    PAGE.store(page.max(1), ORDER);
                }
                let earlier = Box::leak(Box::new(std::mem::zeroed::<libc::sigaction>()));
                let mut action = std::mem::zeroed::<libc::sigaction>();
                action.sa_sigaction = on_bus_error as *const () as usize;
                action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER;
                libc::sigemptyset(&raw mut action.sa_mask);
                if libc::sigaction(libc::SIGBUS, &raw const action, earlier) == 0 {
                    EARLIER.store(earlier, ORDER);
                }
            }
        });
    }

    /// Puts zeros where a mapped file has no pages any more. Any other bus error goes to what
    /// handled them before.
    extern "C" fn on_bus_error(
        signal: libc::c_int,
        info: *mut libc::siginfo_t,
        context: *mut libc::c_void,
    ) {
        // SAFETY: the kernel hands a valid `info` to a handler with SA_SIGINFO.
        #[expect(unsafe_code, reason = "the bus errors of memory maps, see above")]
        let (address, code) = unsafe { ((*info).si_addr().addr(), (*info).si_code) };
        // A signal that another process has sent is about no address.
        let slots = if code > 0 { SLOTS.as_slice() } else { &[] };
        for slot in slots {
            let (start, end) = (slot.start.load(ORDER), slot.end.load(ORDER));
            // Looked at again: the slot may have been given to another map between the two.
            let is_one_map = start != 0 && slot.start.load(ORDER) == start;
            if !is_one_map || !(start..end).contains(&address) {
                continue;
            }
            slot.is_damaged.store(true, ORDER);
            let page = PAGE.load(ORDER);
            let from = address - address % page;
            // SAFETY: the range lies within a map of ours, from whole pages on to its end, whose
            // owner only reads it and unmaps it as a whole. Replaced pages are read as zeros.
            #[expect(unsafe_code, reason = "the bus errors of memory maps, see above")]
            let replaced = unsafe {
                libc::mmap(
                    std::ptr::without_provenance_mut(from),
                    end - from,
                    libc::PROT_READ,
                    libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED,
                    -1,
                    0,
                )
            };
            if replaced != libc::MAP_FAILED {
                return;
            }
        }
        handle_as_before(signal, info, context);
    }

    fn handle_as_before(
        signal: libc::c_int,
        info: *mut libc::siginfo_t,
        context: *mut libc::c_void,
    ) {
        type Handler = extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);
        let earlier = EARLIER.load(ORDER);
        // SAFETY: `earlier` is null or was filled by `sigaction` and lives for ever. A handler that
        // is neither the default nor "ignore", with SA_SIGINFO, is a function of this type.
        #[expect(unsafe_code, reason = "the bus errors of memory maps, see above")]
        unsafe {
            if let Some(earlier) = earlier.as_ref()
                && earlier.sa_sigaction != libc::SIG_DFL
                && earlier.sa_sigaction != libc::SIG_IGN
                && earlier.sa_flags & libc::SA_SIGINFO != 0
            {
                let handler = std::mem::transmute::<usize, Handler>(earlier.sa_sigaction);
                handler(signal, info, context);
                return;
            }
            // The instruction runs again, and ends the process as it would have without us.
            libc::signal(libc::SIGBUS, libc::SIG_DFL);
        }
    }
}

#[cfg(not(unix))]
mod watch {
    /// Nothing to watch: the system does not let a mapped file be cut short.
    #[derive(Debug)]
    pub(super) struct Watched;

    impl Watched {
        pub(super) fn new(_: &[u8]) -> Self {
            Self
        }

        pub(super) fn is_damaged(&self) -> bool {
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use fs_err::OpenOptions;

    use super::*;

    fn file_of(length: usize) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs_err::write(&path, vec![7; length]).unwrap();
        (folder, path)
    }

    fn mapped(path: &Path) -> MappedFile {
        let file = fs_err::File::open(path).unwrap();
        MappedFile::new(file.file(), Some(path)).unwrap()
    }

    #[test]
    fn a_file_that_is_cut_short_reads_as_zeros_and_is_known_as_changed() {
        let (_folder, path) = file_of(1 << 20);
        let file = mapped(&path);
        assert_eq!(file[0], 7);
        file.check_unchanged().unwrap();
        let writer = OpenOptions::new().write(true).open(&path).unwrap();
        writer.set_len(100).unwrap();
        let sum: u64 = file.iter().map(|&byte| u64::from(byte)).sum();
        assert_eq!(sum, 700, "what is left, then zeros");
        let error = file.check_unchanged().unwrap_err();
        assert_eq!(
            error.to_string(),
            "the file was changed while it was read, or cannot be read"
        );
        // Another map afterwards is not touched by that.
        let (_folder, path) = file_of(1 << 16);
        let other = mapped(&path);
        assert!(other.iter().all(|&byte| byte == 7));
        other.check_unchanged().unwrap();
    }

    #[test]
    fn a_file_that_is_written_to_is_known_as_changed() {
        let (_folder, path) = file_of(1 << 16);
        let file = mapped(&path);
        std::thread::sleep(std::time::Duration::from_millis(20));
        let mut writer = OpenOptions::new().write(true).open(&path).unwrap();
        writer.write_all(b"new").unwrap();
        file.check_unchanged().unwrap_err();
    }

    /// As writers do that care for their readers.
    #[test]
    fn a_file_that_another_one_replaces_is_mapped_as_it_was() {
        let (folder, path) = file_of(1 << 16);
        let file = mapped(&path);
        let new = folder.path().join("new");
        fs_err::write(&new, b"other").unwrap();
        fs_err::rename(&new, &path).unwrap();
        file.check_unchanged().unwrap();
        assert!(file.iter().all(|&byte| byte == 7));
    }
}
