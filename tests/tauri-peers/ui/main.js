// The same lines for both updaters: what an application changes is where they come from.
const { check } = window.__TAURI__.updater ?? window.__TAURI__.exuvia ?? {};
const { invoke } = window.__TAURI__.core;

async function tell(line) {
  document.getElementById('last').textContent = line;
  await invoke('tell', { line });
}

async function update() {
  const update = await check();
  if (!update) return tell('finds nothing newer');
  const { version, currentVersion, route = 'full', downloadSize } = update;
  await tell(`is ${currentVersion}, is offered ${version}, ${route}${downloadSize ? ` of ${downloadSize} bytes` : ''}`);
  await update.downloadAndInstall();
  await tell(`installed ${version}`);
  await invoke('restart');
}

async function download() {
  const update = await check();
  let received = 0;
  const begun = performance.now();
  await update.download(({ event, data }) => {
    if (event === 'Progress') received += data.chunkLength;
  });
  await tell(`received ${received} bytes, took ${((performance.now() - begun) / 1000).toFixed(2)} s`);
  await invoke('quit');
}

const plan = await invoke('plan');
document.getElementById('version').textContent = plan.version;
try {
  if (plan.what === 'update') await update();
  if (plan.what === 'download') await download();
  if (plan.what === 'quit') await invoke('quit');
} catch (error) {
  await tell(`failed: ${error?.message ?? error}`);
}
