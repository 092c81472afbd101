//! What a page has that a server sends: a line that says how current it is, and the script that
//! keeps it so. A page in a file has nothing of it.

use maud::{Markup, PreEscaped, html};

const SCRIPT: &str = include_str!("../explorer/dist/live.js");
const STYLE: &str = include_str!("../explorer/dist/live.css");

/// As the policy of a page in a file, but for requests to the server that has sent the page.
pub const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src \
                          'unsafe-inline'; img-src data: blob:; worker-src 'none'; connect-src \
                          'self'; form-action 'none'; base-uri 'none'";

/// The style; and an icon, without which browsers ask the server for one.
pub(crate) fn head() -> Markup {
    html! {
        link rel="icon" href="data:,";
        style { (PreEscaped(STYLE)) }
    }
}

/// The line of the page's state.
pub(crate) fn status(version: &str) -> Markup {
    html! {
        p id="live" role="status" aria-live="polite" data-version=(version) {
            "Without scripts, this page does not renew itself: load it again."
        }
    }
}

/// The script.
pub(crate) fn script() -> Markup {
    html! { script { (PreEscaped(SCRIPT)) } }
}
