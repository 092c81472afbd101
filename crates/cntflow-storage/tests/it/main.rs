//! Members of archives, within the limits.

mod bombs;
