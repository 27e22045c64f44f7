//! `crawler-sync completions`: what a shell needs to complete this tool's commands.

use clap::CommandFactory as _;
use clap_complete::{Shell, generate};

use crate::output::{Outcome, say};
use crate::stack::Failure;

/// Print completions for a shell.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  crawler-sync completions bash > ~/.local/share/bash-completion/completions/crawler-sync
  crawler-sync completions zsh > ~/.zfunc/_crawler-sync
  crawler-sync completions fish > ~/.config/fish/completions/crawler-sync.fish")]
pub(crate) struct Arguments {
    /// The shell.
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Prints them.
pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let mut text = Vec::new();
    let mut command = crate::Command::command();
    let name = command.get_name().to_owned();
    generate(arguments.shell, &mut command, name, &mut text);
    say(&String::from_utf8_lossy(&text))?;
    Ok(Outcome::Fine)
}
