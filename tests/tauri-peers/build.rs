//! The capability of the updater that is built in; those of the others name permissions that are not there.

fn main() {
    let built_in = |name: &str| std::env::var_os(format!("CARGO_FEATURE_{name}")).is_some();
    let capability = match (built_in("UPDATER"), built_in("EXUVIA")) {
        (true, _) => "capabilities/updater.json",
        (_, true) => "capabilities/exuvia.json",
        _ => "capabilities/none.json",
    };
    let attributes = tauri_build::Attributes::new().capabilities_path_pattern(capability);
    tauri_build::try_build(attributes).expect("the configuration is sound");
}
