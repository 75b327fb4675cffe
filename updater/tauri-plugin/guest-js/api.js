// The plugin's JavaScript, once: `index.js` makes the npm package of it, the build script of the crate
// the global `window.__TAURI__.exuvia`. It only forwards; everything is decided and verified in Rust.

/** @param {{ invoke: Function, Channel: Function, Resource: Function }} core `@tauri-apps/api/core` */
export function createApi({ invoke, Channel, Resource }) {
  /** What every promise rejects with: `family` says who must act, `advice` what to do. */
  class UpdateError extends Error {
    constructor(told) {
      super(told?.message ?? String(told));
      this.name = 'UpdateError';
      this.family = told?.family ?? 'usage';
      this.advice = told?.advice ?? '';
    }
  }

  const command = async (name, args) => {
    try {
      return await invoke(`plugin:exuvia|${name}`, args);
    } catch (told) {
      throw new UpdateError(told);
    }
  };

  const channel = (handler) => {
    const made = new Channel();
    if (handler) made.onmessage = handler;
    return made;
  };

  class Update extends Resource {
    constructor(facts) {
      super(facts.rid);
      this.available = true;
      this.currentVersion = facts.currentVersion;
      this.version = facts.version;
      this.date = facts.date;
      this.body = facts.body;
      this.rawJson = facts.rawJson;
      this.downloadSize = facts.downloadSize;
      this.fullSize = facts.fullSize;
      this.route = facts.route;
      this.critical = facts.critical;
    }

    async download(onEvent, _options) {
      await command('download', { rid: this.rid, onEvent: channel(onEvent) });
    }

    async install(_options) {
      await command('install', { rid: this.rid });
    }

    async downloadAndInstall(onEvent, _options) {
      await command('download_and_install', { rid: this.rid, onEvent: channel(onEvent) });
    }

    async installOnQuit() {
      await command('install_on_quit', { rid: this.rid });
    }

    async remindLater() {
      await command('remind_later', { rid: this.rid });
    }

    async skip() {
      await command('skip', { rid: this.rid });
    }

    async pause() {
      await command('pause', { rid: this.rid });
    }

    async resume() {
      await command('resume', { rid: this.rid });
    }

    async cancel() {
      await command('cancel', { rid: this.rid });
    }
  }

  async function check(options = {}) {
    const { timeout, proxy, byUser, language = navigator.language } = options;
    // Whatever `Headers` takes, as pairs.
    const headers = options.headers ? Array.from(new Headers(options.headers).entries()) : undefined;
    const facts = await command('check', { options: { headers, timeout, proxy, byUser, language } });
    return facts ? new Update(facts) : null;
  }

  async function onState(handler) {
    const id = await command('watch_state', { channel: channel(handler) });
    return () => command('unwatch_state', { id });
  }

  return {
    Update,
    UpdateError,
    check,
    onState,
    status: () => command('status'),
    history: () => command('history'),
    report: () => command('report'),
    healthy: () => command('healthy'),
    relaunch: () => command('relaunch'),
    rollback: () => command('rollback'),
  };
}
