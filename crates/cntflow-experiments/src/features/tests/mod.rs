//! Features of small tables, worked by hand.

mod fixture;
mod normalised;
mod representations;
mod sets;
mod speed;
