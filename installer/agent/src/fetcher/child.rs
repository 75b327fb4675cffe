//! Who fetches: reads orders on standard input, answers on standard output, and knows nothing else.

use std::io::{self, BufRead, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use exuvia::{Event, Progress, Updater};

use super::wire::{self, Failed, Order, Word};
use crate::args::Options;
use crate::commands;
use crate::failure::Failure;
use crate::meter::Meter;
use crate::platform;
use crate::target::Target;

/// Fetches for an application until nobody asks any more.
pub(crate) fn serve(options: &Options, name: &str) -> ExitCode {
    // Root would fetch in vain: what there is to lose would be at hand.
    if let Err(error) = platform::renounce_rights() {
        return Failure::Runtime(error).print(false);
    }
    match answer_all(options, name, &mut io::stdin().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn answer_all(options: &Options, name: &str, input: &mut impl BufRead) -> io::Result<()> {
    let fetches = Fetches::new(options, name);
    while !input.fill_buf()?.is_empty() {
        let order = wire::receive(input)?;
        let answered = match &fetches {
            Ok(fetches) => commands::on_runtime(fetches.answer(order)),
            Err(failure) => say(&Word::Failed(Failed::of(failure))).map_err(Failure::Runtime),
        };
        if let Err(failure) = answered {
            say(&Word::Failed(Failed::of(&failure)))?;
        }
    }
    Ok(())
}

/// What it fetches with.
struct Fetches {
    target: Target,
    updater: Updater,
}

impl Fetches {
    fn new(options: &Options, name: &str) -> Result<Fetches, Failure> {
        let mut options = options.of(name);
        options.places.become_fetchers()?;
        let target = Target::find(options)?;
        let updater = target.updater(None)?;
        Ok(Fetches { target, updater })
    }

    async fn answer(&self, order: Order) -> Result<(), Failure> {
        match order {
            Order::Check => {
                self.updater.fetch_metadata(&mut Tells::new()).await?;
                said(&Word::Done)
            }
            Order::File { name } => match self.updater.metadata_file(&name)? {
                None => said(&Word::Missing),
                Some(bytes) => give(bytes.len() as u64, &mut &bytes[..]),
            },
            Order::Bundle { digest } => {
                let mut file = self.updater.fetch_bundle(digest, &mut Tells::new()).await?;
                let length = file.metadata().map_err(Failure::Runtime)?.len();
                give(length, &mut file)
            }
            Order::Report { body } => {
                let policy = self.target.policy.as_ref();
                if let Some(address) = policy.and_then(|policy| policy.report.value.as_ref()) {
                    self.target.network.post(address, body.to_string().into_bytes()).await?;
                }
                said(&Word::Done)
            }
        }
    }
}

fn give(length: u64, bytes: &mut impl io::Read) -> Result<(), Failure> {
    said(&Word::Bytes { length })?;
    let mut out = io::stdout().lock();
    let given = io::copy(bytes, &mut out).and_then(|_| out.flush());
    // Whoever counts on the rest would take the next word for it.
    given.unwrap_or_else(|_| std::process::exit(1));
    Ok(())
}

fn said(word: &Word) -> Result<(), Failure> {
    say(word).map_err(Failure::Runtime)
}

fn say(word: &Word) -> io::Result<()> {
    wire::send(&mut io::stdout().lock(), word)
}

/// Says now and then that it is at work, and what an administrator may want to know.
struct Tells {
    meter: Meter,
    last: Instant,
}

impl Tells {
    fn new() -> Tells {
        let warn = |text: &str| drop(say(&Word::Warned { text: text.to_owned() }));
        Tells { meter: Meter::warning(warn), last: Instant::now() }
    }
}

impl Progress for Tells {
    fn event(&mut self, event: Event) {
        if self.last.elapsed() > Duration::from_secs(1) {
            self.last = Instant::now();
            let _ = say(&Word::Alive);
        }
        self.meter.event(event);
    }
}
