//! The `flowctl` command. Everything it does is in the library; see `flowctl::cli`.

/// Many small values live for as long as one event does.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    flowctl::cli::main()
}
