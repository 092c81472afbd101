#![doc = include_str!("../README.md")]

mod content;
mod form;
mod hosts;
mod question;
mod refusal;
mod reply;
mod routes;
mod server;
mod study;

pub use hosts::Hosts;
pub use hyper::body::Bytes;
pub use question::{AnswerFormat, AnswerHead, Question};
pub use routes::Site;
pub use server::{BindError, bind, serve};
pub use study::{Study, Unreadable};
