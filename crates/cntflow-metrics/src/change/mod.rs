//! What training has changed: the values of one checkpoint against those of another.

mod strengths;
mod values;

pub use strengths::StrengthChange;
pub use values::ValuesChange;
