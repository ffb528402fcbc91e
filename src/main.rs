//! The `flowctl` command. Everything it does is in the library; see `flowctl::cli`.

fn main() -> std::process::ExitCode {
    flowctl::cli::main()
}
