//! What the agent does on metered networks and on battery: a bus of its own, with stand-ins for
//! NetworkManager and UPower.
#![allow(clippy::unwrap_used)]

use std::process::Command;

use exuvia_tests::desktop::Bus;
use exuvia_tests::processes::{Done, Stage, program};
use serde_json::Value;
use tokio::runtime::Runtime;
use zbus::Connection;
use zbus::connection::Builder;

struct NetworkManager(u32);

#[zbus::interface(name = "org.freedesktop.NetworkManager")]
impl NetworkManager {
    #[zbus(property)]
    fn metered(&self) -> u32 {
        self.0
    }
}

struct Power(bool);

#[zbus::interface(name = "org.freedesktop.UPower")]
impl Power {
    #[zbus(property)]
    fn on_battery(&self) -> bool {
        self.0
    }
}

struct Battery(f64);

#[zbus::interface(name = "org.freedesktop.UPower.Device")]
impl Battery {
    #[zbus(property)]
    fn percentage(&self) -> f64 {
        self.0
    }
}

/// Services that live as long as this does.
struct Services {
    _connection: Connection,
    _runtime: Runtime,
}

impl Services {
    fn start(bus: &Bus, more: impl FnOnce(Builder<'static>) -> Builder<'static>) -> Services {
        let runtime = Runtime::new().unwrap();
        let builder = more(Builder::address(bus.address()));
        let connection = runtime.block_on(builder.build()).unwrap();
        Services { _connection: connection, _runtime: runtime }
    }
}

fn network(bus: &Bus, metered: u32) -> Services {
    Services::start(bus, |builder| {
        let at = "/org/freedesktop/NetworkManager";
        builder.name("org.freedesktop.NetworkManager").serve_at(at, NetworkManager(metered))
    })
}

fn power(bus: &Bus, on_battery: bool, percent: f64) -> Services {
    Services::start(bus, |builder| {
        let builder = builder.name("org.freedesktop.UPower");
        let builder = builder.serve_at("/org/freedesktop/UPower", Power(on_battery));
        builder.serve_at("/org/freedesktop/UPower/devices/DisplayDevice", Battery(percent))
    })
}

/// 1.0.0 is installed and registered, and 1.1.0 is published.
fn registered() -> Stage {
    let stage = Stage::new();
    stage.init(&format!("file://{}/", stage.path("www").display()));
    stage.release(&stage.good_version("1.0.0"), "1.0.0");
    stage.agent(&["install"]).works();
    stage.agent(&["register"]).works();
    stage.release(&stage.good_version("1.1.0"), "1.1.0");
    stage
}

fn once(stage: &Stage, bus: &str) -> Done {
    let mut command = Command::new(program("exuvia-agent"));
    let bus = [("DBUS_SYSTEM_BUS_ADDRESS", bus.into())];
    stage.run_with(command.args(["once", "--now"]), &bus)
}

fn policy(stage: &Stage, text: &str) {
    std::fs::create_dir_all(stage.path("home/.config/exuvia")).unwrap();
    let text = format!("[policy]\n{text}\n");
    std::fs::write(stage.path("home/.config/exuvia/policy.toml"), text).unwrap();
}

/// What `status` says of the last run: the result, and the reason if there is one.
fn outcome(stage: &Stage) -> (String, String) {
    let told = stage.agent_alone(&["--json", "status"]).works().stdout;
    let told: Value = serde_json::from_str(&told).unwrap();
    let word = |key: &str| told["apps"][0]["outcome"][key].as_str().unwrap_or_default().to_owned();
    (word("result"), word("reason"))
}

fn held(reason: &str) -> (String, String) {
    ("held".to_owned(), reason.to_owned())
}

fn updated() -> (String, String) {
    ("updated".to_owned(), String::new())
}

#[test]
fn nothing_is_downloaded_over_a_metered_network() {
    let (stage, bus) = (registered(), Bus::start());
    for metered in [1, 3] {
        let _network = network(&bus, metered);
        once(&stage, bus.address())
            .ends_with(3)
            .says("event=held app=notes version=1.1.0 reason=metered");
        assert_eq!(outcome(&stage), held("metered"));
    }
    let _network = network(&bus, 1);
    // To tell that there is something costs next to nothing.
    policy(&stage, "mode = \"notify\"");
    once(&stage, bus.address()).works().says("event=offered");
    // Somebody who asks gets it, and so does whom the policy says so.
    policy(&stage, "metered = \"allow\"");
    once(&stage, bus.address()).works();
    assert_eq!(outcome(&stage), updated());
}

#[test]
fn nothing_is_downloaded_on_a_battery_that_is_low() {
    let (stage, bus) = (registered(), Bus::start());
    let low = power(&bus, true, 19.0);
    once(&stage, bus.address()).ends_with(3);
    assert_eq!(outcome(&stage), held("battery"));
    drop(low);
    policy(&stage, "battery = 80");
    let half = power(&bus, true, 50.0);
    once(&stage, bus.address()).ends_with(3);
    assert_eq!(outcome(&stage), held("battery"));
    drop(half);
    let _plugged_in = power(&bus, false, 5.0);
    once(&stage, bus.address()).works();
    assert_eq!(outcome(&stage), updated());
}

#[test]
fn what_nobody_tells_stands_in_the_way_of_nothing() {
    for told in ["no bus", "nobody", "unknown", "not metered"] {
        let (stage, bus) = (registered(), Bus::start());
        let _services = match told {
            "unknown" => Some((network(&bus, 0), power(&bus, false, 0.0))),
            "not metered" => Some((network(&bus, 4), power(&bus, true, 20.0))),
            _ => None,
        };
        let address = match told {
            "no bus" => "unix:path=/nonexistent/bus",
            _ => bus.address(),
        };
        once(&stage, address).works();
        assert_eq!(outcome(&stage), updated(), "{told}");
    }
}

#[test]
fn what_lies_ready_needs_no_network() {
    let (stage, bus) = (registered(), Bus::start());
    policy(&stage, "mode = \"download\"");
    once(&stage, bus.address()).works().says("event=staged");
    policy(&stage, "");
    let _network = network(&bus, 1);
    once(&stage, bus.address()).works();
    assert_eq!(outcome(&stage), updated());
}
