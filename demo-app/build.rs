//! What Tauri needs from its configuration.

fn main() {
    tauri_build::build();
}
