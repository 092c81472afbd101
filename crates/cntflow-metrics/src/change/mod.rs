//! What training has changed: the values of one checkpoint against those of another.

mod rows;
mod strengths;
mod values;

pub use rows::{ChangeRows, change_rows, tensor_change_rows};
pub use strengths::StrengthChange;
pub use values::ValuesChange;
