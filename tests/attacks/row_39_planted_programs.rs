//! Programs and libraries are planted where a careless updater would find them.

use std::os::unix::fs::PermissionsExt;

use exuvia_tests::processes::{Stage, program, write_program};

#[test]
fn no_program_is_looked_for_by_name_and_nothing_in_the_folder_of_the_day_is_used() {
    let stage = Stage::new();
    stage.init(&format!("file://{}", stage.path("www").display()));
    stage.release(&stage.good_version("1.0.0"), "1.0.0");
    stage.agent(&["install"]).works();
    stage.release(&stage.good_version("1.1.0"), "1.1.0");
    let (planted, marker) = (stage.path("planted"), stage.path("was-run"));
    std::fs::create_dir(&planted).unwrap();
    for name in ["sh", "mv", "cp", "rm", "tar", "zstd", "sleep", "exuvia-helper", "sudo", "pkexec"]
    {
        write_program(&planted.join(name), &format!("echo {name} >>{}", marker.display()));
    }
    for name in ["libc.so.6", "libgcc_s.so.1", "exuvia.json", "policy.toml"] {
        std::fs::write(planted.join(name), "planted").unwrap();
    }
    std::fs::set_permissions(&planted, PermissionsExt::from_mode(0o777)).unwrap();
    let mut agent = stage.command(&program("exuvia-agent"));
    agent.env("PATH", &planted).current_dir(&planted);
    let output = agent.args(stage.agent_options()).args(["update", "--yes"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let mut launcher = stage.command(&stage.app().join("notes"));
    let output = launcher.env("PATH", "/nowhere").current_dir(&planted).arg("--version").output();
    let said = String::from_utf8(output.unwrap().stdout).unwrap();
    assert_eq!(said, "notes 1.1.0 --version\n");
    let run = std::fs::read_to_string(&marker).unwrap_or_default();
    assert_eq!(run, "", "planted programs were run");
}
