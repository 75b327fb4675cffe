//! Graphs of delegations that are meant to exhaust or to mislead.

use exuvia_core::Error;
use exuvia_repo::Signer;
use exuvia_tests::scene::Scene;
use exuvia_tests::sim::forge::{channel_role, sign};
use exuvia_tests::sim::key;
use serde_json::{Value, json};

use crate::{bump, public};

/// Serves roles of these names, each with its delegations, and has the snapshot list them.
fn add_roles(scene: &Scene, roles: &[(String, Value)]) {
    let expires = scene.sim.signed("targets")["expires"].clone();
    for (name, delegations) in roles {
        let mut role = json!({"_type": "targets", "spec_version": "1.0.34", "version": 1, "expires": expires, "targets": {}});
        if !delegations.is_null() {
            role["delegations"] = delegations.clone();
        }
        scene.sim.replace(&format!("metadata/1.{name}.json"), sign(&role, &["channel"]));
    }
    scene.sim.forge("snapshot", |signed| {
        bump(signed);
        for (name, _) in roles {
            signed["meta"][format!("{name}.json")] = json!({"version": 1});
        }
    });
}

/// Delegations of everything to these roles, with the channel's key.
fn to<'a>(names: impl IntoIterator<Item = &'a str>, terminating: bool) -> Value {
    let id = key("channel").id().to_string();
    let role = |name| json!({"name": name, "keyids": [id], "threshold": 1, "terminating": terminating, "paths": ["*/*/*"]});
    let roles: Vec<_> = names.into_iter().map(role).collect();
    json!({"keys": {&id: public("channel")}, "roles": roles})
}

fn delegate(scene: &Scene, delegations: Value) {
    scene.sim.forge(&channel_role(), |signed| {
        bump(signed);
        signed["delegations"] = delegations;
    });
}

#[tokio::test]
async fn delegations_that_loop_come_to_an_end() {
    let scene = Scene::under_attack().await;
    let channel = channel_role();
    let (there, back) = (to(["loop-b"], false), to(["loop-a", &*channel], false));
    add_roles(&scene, &[("loop-a".to_owned(), there), ("loop-b".to_owned(), back)]);
    delegate(&scene, to([&*channel, "loop-a"], false));
    scene.arrives().await;
}

#[tokio::test]
async fn a_search_through_too_many_delegations_is_refused_however_they_are_arranged() {
    let names: Vec<String> = (0..80).map(|n| format!("more-{n}")).collect();
    let beside = names.iter().map(|name| (name.clone(), Value::Null)).collect();
    let below: Vec<(String, Value)> = names
        .iter()
        .enumerate()
        .map(|(at, name)| (name.clone(), to(names.get(at + 1).map(String::as_str), false)))
        .collect();
    for (what, roles) in [("beside", beside), ("below", below)] {
        let scene = Scene::under_attack().await;
        add_roles(&scene, &roles);
        let heirs = if what == "beside" { names.iter() } else { names[..1].iter() };
        delegate(&scene, to(heirs.map(String::as_str), false));
        scene.sim.asked();
        let rule = scene.refuses().await;
        assert!(matches!(rule, Error::TooManyRoles { limit: 64 }), "{what}: {rule}");
        assert!(scene.sim.asked().len() <= 64 + 6, "{what}");
        scene.new_keys_work().await;
    }
}

/// Who holds a key of the channel `first` that comes before ours, for the same paths.
async fn with_a_rival(terminating: bool) -> Scene {
    let scene = Scene::under_attack().await;
    add_roles(&scene, &[("rival".to_owned(), Value::Null)]);
    scene.sim.forge("targets", |signed| {
        bump(signed);
        let roles = signed["delegations"]["roles"].as_array_mut().unwrap();
        roles.insert(0, to(["rival"], terminating)["roles"][0].take());
    });
    scene
}

#[tokio::test]
async fn an_overlap_is_settled_by_the_order_and_a_terminating_role_cuts() {
    with_a_rival(false).await.arrives().await;
    // Nobody after it is asked, although it lists nothing.
    let scene = with_a_rival(true).await;
    let found = scene.attempt().await;
    assert!(!matches!(found, Ok(Some(_))), "{found:?}");
    scene.is_unharmed();
    scene.new_keys_work().await;
}
