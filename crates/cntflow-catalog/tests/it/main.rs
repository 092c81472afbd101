//! Catalog files in every form, and what is said of broken ones.

mod catalog_files;
