//! The number type of a forward pass: f64 for more digits, f32 for speed.

use std::ops::{Add, AddAssign, Div, DivAssign, Mul, Neg, Sub};

/// A number type of the forward pass. Implemented for f64 and f32; not meant for others.
pub trait Real:
    faer::traits::RealField
    + Copy
    + PartialOrd
    + Default
    + Send
    + Sync
    + Neg<Output = Self>
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + AddAssign
    + DivAssign
    + 'static
{
    /// The value, widened exactly.
    fn from_f32(value: f32) -> Self;
    /// The value, rounded if the type is narrower.
    fn from_f64(value: f64) -> Self;
    /// The value, widened exactly.
    fn to_f64(self) -> f64;
    /// The weights in this type: the slice itself for f32, a copy in `scratch` for f64.
    fn widen<'a>(weights: &'a [f32], scratch: &'a mut Vec<Self>) -> &'a [Self];
    /// `e^self`
    fn exp(self) -> Self;
    /// `e^self - 1`
    fn exp_m1(self) -> Self;
    /// `ln(1 + self)`
    fn ln_1p(self) -> Self;
    /// The square root.
    fn sqrt(self) -> Self;
    /// `tanh(self)`
    fn tanh(self) -> Self;
    /// `1 - erf(self)`, within an ulp or two of the type.
    fn erfc(self) -> Self;
}

impl Real for f64 {
    #[inline(always)]
    fn from_f32(value: f32) -> Self {
        f64::from(value)
    }
    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        self
    }
    fn widen<'a>(weights: &'a [f32], scratch: &'a mut Vec<Self>) -> &'a [Self] {
        scratch.clear();
        scratch.extend(weights.iter().map(|&weight| f64::from(weight)));
        scratch
    }
    fn exp(self) -> Self {
        self.exp()
    }
    fn exp_m1(self) -> Self {
        self.exp_m1()
    }
    fn ln_1p(self) -> Self {
        self.ln_1p()
    }
    fn sqrt(self) -> Self {
        self.sqrt()
    }
    fn tanh(self) -> Self {
        self.tanh()
    }
    fn erfc(self) -> Self {
        libm::erfc(self)
    }
}

impl Real for f32 {
    #[inline(always)]
    fn from_f32(value: f32) -> Self {
        value
    }
    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value as f32
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        f64::from(self)
    }
    fn widen<'a>(weights: &'a [f32], _scratch: &'a mut Vec<Self>) -> &'a [Self] {
        weights
    }
    fn exp(self) -> Self {
        self.exp()
    }
    fn exp_m1(self) -> Self {
        self.exp_m1()
    }
    fn ln_1p(self) -> Self {
        self.ln_1p()
    }
    fn sqrt(self) -> Self {
        self.sqrt()
    }
    fn tanh(self) -> Self {
        self.tanh()
    }
    fn erfc(self) -> Self {
        libm::erfcf(self)
    }
}
