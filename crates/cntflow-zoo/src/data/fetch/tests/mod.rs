//! A tiny data set in every form, from packages and from a local server.

mod downloads;
mod packages;
mod place;
mod tiny;
