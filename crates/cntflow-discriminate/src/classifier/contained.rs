//! Panics inside linfa as failed fits, without a word on the terminal.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

use super::FitFailure;

thread_local! {
    /// Whether this thread is inside [`contained`].
    static CONTAINED: Cell<bool> = const { Cell::new(false) };
}

/// Runs a fit; a panic in it becomes its failure.
///
/// linfa-logistic's line search panics on some data. The process-wide panic hook is wrapped once, so that such a panic is
/// not printed; every panic outside of `contained` goes to the hook that was there before.
pub(crate) fn contained<T>(fit: impl FnOnce() -> Result<T, FitFailure>) -> Result<T, FitFailure> {
    static WRAP_HOOK: Once = Once::new();
    WRAP_HOOK.call_once(|| {
        let earlier = take_hook();
        set_hook(Box::new(move |info| {
            if !CONTAINED.get() {
                earlier(info);
            }
        }));
    });
    let outer = CONTAINED.replace(true);
    // A fit borrows its training rows and never writes to them, so an unwound one leaves nothing half done.
    let result = catch_unwind(AssertUnwindSafe(fit));
    CONTAINED.set(outer);
    result.unwrap_or_else(|payload| {
        Err(FitFailure(format!(
            "panicked: {}",
            message(payload.as_ref())
        )))
    })
}

fn message(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_failed_fit_with_its_message() {
        let failure =
            contained(|| -> Result<(), _> { panic!("step {} is not finite", 3) }).unwrap_err();
        assert_eq!(failure.0, "panicked: step 3 is not finite");
        assert!(!CONTAINED.get());
        assert_eq!(contained(|| Ok(1)), Ok(1));
    }
}
