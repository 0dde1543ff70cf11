//! Converts between JavaScript and `millrace-core`, and delegates. It decides nothing.
