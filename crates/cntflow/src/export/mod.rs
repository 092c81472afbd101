//! Tables of a finished study as a few small files, for publication.

mod digest;
pub(crate) mod export_tables;
mod manifest;
pub(crate) mod rounding;
mod unread;
