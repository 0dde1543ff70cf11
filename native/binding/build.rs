//! Link arguments of the binary that Node loads.

fn main() {
    napi_build::setup();
    // Threads of a system may outlive the JavaScript environment that loaded this image, and run code in it.
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
