//! Puts GCC's unwinder into the binary, so that only the C library is shared: the linker finds
//! this `libgcc_s` before the system's, and it stands for the static library. (rustc names
//! `-lgcc_s` itself, so `-static-libgcc` has no effect.)

use std::path::PathBuf;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=build.rs");
    let target = |key: &str| env::var(key).unwrap_or_default();
    if target("CARGO_CFG_TARGET_OS") != "linux" || target("CARGO_CFG_TARGET_ENV") != "gnu" {
        return Ok(());
    }
    let folder = PathBuf::from(target("OUT_DIR"));
    fs::write(folder.join("libgcc_s.so"), "GROUP ( -lgcc_eh -lgcc )\n")?;
    println!("cargo:rustc-link-search=native={}", folder.display());
    Ok(())
}
