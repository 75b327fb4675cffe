//! What NetworkManager and UPower tell over D-Bus. What is not there, or does not answer, tells nothing.

use std::time::Duration;

use zbus::{Connection, OwnedVariant};

use crate::surroundings::Surroundings;

/// What is known, within two seconds.
pub(crate) async fn surroundings() -> Surroundings {
    tokio::time::timeout(PATIENCE, ask()).await.unwrap_or_default()
}

async fn ask() -> Surroundings {
    let Ok(bus) = Connection::system().await else { return Surroundings::default() };
    let metered = get(&bus, NETWORK, "Metered").await;
    let on_battery = get(&bus, POWER, "OnBattery").await;
    let percent = match on_battery.and_then(|value| bool::try_from(value).ok()) {
        Some(true) => get(&bus, BATTERY, "Percentage").await,
        _ => None,
    };
    Surroundings {
        metered: metered.and_then(|value| u32::try_from(value).ok()).is_some_and(is_metered),
        battery: percent.and_then(|value| f64::try_from(value).ok()),
    }
}

/// `NMMetered`: 1 is yes, 3 is a guess that says yes.
fn is_metered(state: u32) -> bool {
    matches!(state, 1 | 3)
}

/// A property of an object: its service, path and interface.
pub(super) async fn get(bus: &Connection, at: [&str; 3], name: &str) -> Option<OwnedVariant> {
    let [service, path, interface] = at;
    let properties = Some("org.freedesktop.DBus.Properties");
    let asked = (interface, name);
    let reply = bus.call_method(Some(service), path, properties, "Get", &asked).await.ok()?;
    reply.body().deserialize().ok()
}

const NETWORK: [&str; 3] = [
    "org.freedesktop.NetworkManager",
    "/org/freedesktop/NetworkManager",
    "org.freedesktop.NetworkManager",
];
const POWER: [&str; 3] =
    ["org.freedesktop.UPower", "/org/freedesktop/UPower", "org.freedesktop.UPower"];
const BATTERY: [&str; 3] = [
    "org.freedesktop.UPower",
    "/org/freedesktop/UPower/devices/DisplayDevice",
    "org.freedesktop.UPower.Device",
];
const PATIENCE: Duration = Duration::from_secs(2);
