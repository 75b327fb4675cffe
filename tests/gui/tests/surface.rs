//! The JavaScript surface in the real web view: names, order and types are those of
//! `@tauri-apps/plugin-updater`, so that an application moves by changing one import.
#![allow(clippy::unwrap_used)]

use exuvia_gui_tests::{Desk, Window};
use serde_json::json;

#[tokio::test]
async fn an_application_written_for_the_usual_updater_works() {
    let desk = Desk::new();
    let window = Window::open(&desk).await;
    window.run("document.querySelector('exuvia-prompt').setAttribute('mode', 'off')").await;
    let nothing = "return (await window.__TAURI__.exuvia.check({ timeout: 30000, target: 'linux-x86_64' })) === null";
    assert_eq!(window.run_async(nothing).await, true);

    desk.publish("1.1.0");
    let script = "
        const { check } = window.__TAURI__.exuvia;
        const update = await check({ headers: { 'X-One': '1' }, timeout: 30000 });
        const types = Object.fromEntries(
          ['available', 'currentVersion', 'version', 'date', 'body', 'rawJson', 'rid', 'download', 'install', 'downloadAndInstall', 'close']
            .map((name) => [name, typeof update[name]]));
        const before = await update.install().then(() => 'installed', (e) => e.message);
        const events = [];
        const downloaded = await update.downloadAndInstall((event) => events.push(event));
        const order = events.map((e) => e.event).filter((name, at, all) => name !== all[at - 1]);
        const length = events[0].data.contentLength;
        const sum = events.filter((e) => e.event === 'Progress').reduce((sum, e) => sum + e.data.chunkLength, 0);
        const closed = await update.close().then((v) => v ?? null);
        const after = await update.download().then(() => 'downloaded', (e) => e.message);
        return { types, before, order, whole: length === sum && sum > 0, downloaded: downloaded ?? null, closed, after,
                 versions: [update.currentVersion, update.version], date: !Number.isNaN(Date.parse(update.date)) };";
    let found = window.run_async(script).await;
    let function = "function";
    let types = json!({
        "available": "boolean", "currentVersion": "string", "version": "string", "date": "string", "body": "string",
        "rawJson": "object", "rid": "number", "download": function, "install": function,
        "downloadAndInstall": function, "close": function,
    });
    assert_eq!(found["types"], types, "{found:#}");
    assert_eq!(found["versions"], json!(["1.0.0", "1.1.0"]), "{found:#}");
    assert_eq!(found["order"], json!(["Started", "Progress", "Finished"]), "{found:#}");
    assert_eq!(found["before"], "1.1.0 was not downloaded yet");
    assert_eq!(found["after"], "this update was closed");
    for name in ["whole", "date"] {
        assert_eq!(found[name], true, "{name}: {found:#}");
    }
    for name in ["downloaded", "closed"] {
        assert_eq!(found[name], json!(null), "{name}: {found:#}");
    }
    assert_eq!(desk.status()["phase"], "trial");
    window.close().await;
}

#[tokio::test]
async fn nothing_that_weakens_security_can_be_said_from_a_page() {
    let desk = Desk::new();
    desk.publish("1.1.0");
    let window = Window::open(&desk).await;
    window.run("document.querySelector('exuvia-prompt').setAttribute('mode', 'off')").await;
    // What a page adds is not heard: neither another root, nor a mirror, nor a version, nor a channel.
    let script = "
        const options = { root: {}, mirrors: ['http://127.0.0.1:1/'], version: '0.9.0', channel: 'beta', allowDowngrades: true };
        const facts = await window.__TAURI__.core.invoke('plugin:exuvia|check', { options });
        const verbs = ['set_channel', 'set_mirrors', 'set_root', 'uninstall', 'swap', 'confirm'];
        const refused = [];
        for (const verb of verbs) await window.__TAURI__.core.invoke(`plugin:exuvia|${verb}`).catch(() => refused.push(verb));
        return { version: facts.version, refused: refused.length === verbs.length };";
    let found = window.run_async(script).await;
    assert_eq!(found, json!({ "version": "1.1.0", "refused": true }));
    // An element made of release notes holds no element that they name.
    let script = "
        const { renderMarkdown } = customElements.get('exuvia-prompt');
        const holder = document.createElement('div');
        holder.append(renderMarkdown('# <img src=x onerror=alert(1)>\\n[a](javascript:alert(1)) ![b](http://x/y.png)\\n<script>1</script>'));
        return holder.querySelectorAll('img, script, a, iframe, [href], [src], [onerror]').length";
    assert_eq!(window.run(script).await, 0);
    window.close().await;
}
