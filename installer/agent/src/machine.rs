//! `serve`: the agent of the machine, as far as users may speak to it (formats §13, docs/adr/0019).
//!
//! Rules:
//! - Who asks is told by the kernel; what is asked for is one of seven words and an application's
//!   name. Nothing else that anybody sends reaches anything.
//! - Everything is bounded: length and time of a request, guests, requests of a user, work begun.
//! - A refusal says why.

mod desk;
mod limits;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use exuvia::socket::{MAX_REQUEST, Reason, Reply, Request};

use crate::answer::Answer;
use crate::args::Options;
use crate::failure::Failure;
use crate::platform::{Door, Guest};
use desk::Desk;
use limits::Limits;

/// Answers until nobody comes for a minute, where the system listens; else without end.
pub(crate) fn serve(options: &Options, socket: &Path) -> Result<Answer, Failure> {
    let opened = Door::open(socket);
    let door = opened.map_err(|source| Failure::File { path: socket.to_owned(), source })?;
    let room = Arc::new(Room { limits: Mutex::default(), desk: Desk::new(options)? });
    loop {
        match door.wait(IDLE).map_err(Failure::Runtime)? {
            Some(guest) => Room::receive(&room, guest),
            None if door.is_given() && room.is_empty() => break,
            None => {}
        }
    }
    Ok(Answer::done("served", "nobody asks for anything", serde_json::json!({})))
}

/// What the guests share.
struct Room {
    limits: Mutex<Limits>,
    desk: Desk,
}

impl Room {
    /// Lets somebody in, on a thread of their own, or says that there is no room.
    fn receive(room: &Arc<Room>, mut guest: Guest) {
        let user = guest.user();
        let (let_in, worth_a_line) = {
            let mut limits = room.limits();
            (limits.enter(user, Instant::now()), limits.log(Instant::now()))
        };
        if !let_in {
            if worth_a_line {
                eprintln!("event=refused user={user} reason=too-much");
            }
            guest.reply(&Reply::Refused { reason: Reason::TooMuch }.line());
            return;
        }
        let room = Arc::clone(room);
        std::thread::spawn(move || {
            let line = guest.read(MAX_REQUEST, PATIENCE);
            let reply = room.answer(&line, user);
            guest.reply(&reply.line());
            room.limits().leave(user);
        });
    }

    fn answer(&self, line: &[u8], user: u32) -> Reply {
        let asked = Request::parse(line);
        let answered = asked.and_then(|request| self.desk.answer(&request, user));
        answered.unwrap_or_else(|reason| {
            if self.limits().log(Instant::now()) {
                let word = serde_json::json!(reason);
                let word = word.as_str().unwrap_or_default();
                eprintln!("event=refused user={user} reason={word}");
            }
            Reply::Refused { reason }
        })
    }

    fn is_empty(&self) -> bool {
        self.limits().is_empty() && self.desk.is_idle()
    }

    fn limits(&self) -> std::sync::MutexGuard<'_, Limits> {
        self.limits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long a request may take to arrive.
const PATIENCE: Duration = Duration::from_secs(2);
/// Longer than it takes until every user may ask as much as ever.
const IDLE: Duration = Duration::from_secs(60);
