//! Link arguments of the binary that Node loads.

fn main() {
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("linux") {
        napi_build::setup();
        return;
    }
    // Threads of a system may outlive the JavaScript environment that loaded this image, and run code in it.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    // What `setup` adds to that here is that everything is built twice, where napi has no type definitions of it yet.
    println!("cargo::rerun-if-changed=build.rs");
}
