//! Turns panics inside linfa into failed fits, and keeps their messages off the terminal.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

use crate::fit_failure::FitFailure;

thread_local! {
    /// Whether this thread is inside [`catch_panics`].
    static IS_CATCHING: Cell<bool> = const { Cell::new(false) };
}

/// Runs a fit, and turns a panic in it into [`FitFailure::Panicked`].
///
/// linfa asserts and unwraps in places. The process-wide panic hook is
/// wrapped once, so that such a panic is not printed. Panics outside of `catch_panics`
/// still reach the earlier hook.
pub(crate) fn catch_panics<T>(
    fit: impl FnOnce() -> Result<T, FitFailure>,
) -> Result<T, FitFailure> {
    static WRAP_HOOK: Once = Once::new();
    WRAP_HOOK.call_once(|| {
        let earlier = take_hook();
        set_hook(Box::new(move |info| {
            if !IS_CATCHING.get() {
                earlier(info);
            }
        }));
    });
    let was_catching = IS_CATCHING.replace(true);
    // Unwind safe: a fit borrows its training rows and never writes to them, so a panic
    // leaves nothing half done.
    let result = catch_unwind(AssertUnwindSafe(fit));
    IS_CATCHING.set(was_catching);
    result.unwrap_or_else(|payload| {
        Err(FitFailure::Panicked {
            message: message(payload.as_ref()).to_owned(),
        })
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
            catch_panics(|| -> Result<(), _> { panic!("step {} is not finite", 3) }).unwrap_err();
        assert_eq!(failure.to_string(), "panicked: step 3 is not finite");
        assert!(!IS_CATCHING.get());
        assert!(matches!(catch_panics(|| Ok(1)), Ok(1)));
    }
}
