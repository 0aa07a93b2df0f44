//! Readers of file formats that only data sets use: bare JSRT films and masks in GIF files.

pub(super) mod gif;
pub(super) mod jsrt;
