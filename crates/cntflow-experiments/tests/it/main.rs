//! Tests of saved models through the public interface, on synthetic populations.

mod predictions;
mod saved_models;
mod synthetic;
mod targets;
