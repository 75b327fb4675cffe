// <exuvia-prompt>: the question to the user, ready to use. Attributes:
//   app       the application's name, as people know it
//   mode      `ask` (default), `automatic` (installs when the user quits), `off` (only when check() is called)
//   interval  hours between checks; 6 unless told otherwise
//   remind    hours after which "later" is over; 24 unless told otherwise
//   lang      the language; that of the page, then that of the system unless told otherwise
//   theme     `light` or `dark`; as the system unless told otherwise
// Method: check(), for a menu entry: answers also when there is nothing new.
// Event: `exuvia-situation`, with what is shown.

class ExuviaPrompt extends HTMLElement {
  /** Markdown as elements, made from text alone: for applications that show notes elsewhere too. */
  static renderMarkdown = (source) => renderMarkdown(source, document);
  static observedAttributes = ['lang', 'app', 'mode', 'interval'];
  #api;
  #root;
  #situation = { kind: 'none' };
  #update = null;
  #timers = [];
  #unwatch = null;
  #busy = false;
  // The version that the user decided on, which only a check by the user shows again.
  #decided = null;

  connectedCallback() {
    this.#root ??= this.attachShadow({ mode: 'open' });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    this.#root.adoptedStyleSheets = [sheet];
    this.addEventListener('keydown', this.#onKey);
    this.#start();
  }

  disconnectedCallback() {
    this.removeEventListener('keydown', this.#onKey);
    this.#timers.forEach(clearTimeout);
    this.#unwatch?.();
    this.#unwatch = null;
  }

  attributeChangedCallback(name) {
    if (!this.#root) return;
    if (name === 'mode' || name === 'interval') this.#schedule(0);
    this.#render();
  }

  /** Looks for an update because the user asked. */
  async check() {
    await this.#look(true);
  }

  get situation() {
    return this.#situation;
  }

  get #language() {
    return this.getAttribute('lang') || document.documentElement.lang || navigator.language || 'en';
  }

  get #mode() {
    return this.getAttribute('mode') || 'ask';
  }

  async #start() {
    if (!window.__TAURI_INTERNALS__) return;
    this.#api = window.__TAURI__?.exuvia ?? createApi(internals());
    this.#unwatch = await this.#api.onState((state) => this.#onState(state));
    const report = await this.#api.report();
    if (report.report === 'reverted') {
      this.#show({ kind: 'reverted', report });
    } else if (report.report === 'updated') {
      this.#show({ kind: 'news', report, notes: this.#takeNotes(report.to) });
    }
    this.#schedule(2000);
  }

  // The notes of the version that was installed, kept over the restart.
  #takeNotes(version) {
    const kept = localStorage.getItem('exuvia-notes');
    localStorage.removeItem('exuvia-notes');
    try {
      const { version: of, notes } = JSON.parse(kept);
      return of === version ? notes : undefined;
    } catch {
      return undefined;
    }
  }

  #keepNotes() {
    const { version, body } = this.#update;
    if (body) localStorage.setItem('exuvia-notes', JSON.stringify({ version, notes: body }));
  }

  #schedule(wait) {
    this.#timers.forEach(clearTimeout);
    this.#timers = [];
    if (this.#mode === 'off' || !this.#api) return;
    const hours = Number(this.getAttribute('interval')) || 6;
    this.#timers.push(setTimeout(async () => {
      await this.#look(false);
      this.#schedule(hours * 3600 * 1000);
    }, wait));
  }

  async #look(byUser) {
    if (this.#busy || this.#running || !this.#api) return;
    // What the user is in the middle of is not swept away by the clock.
    if (!byUser && !['none', 'offer', 'news', 'upToDate'].includes(this.#situation.kind)) return;
    this.#busy = true;
    try {
      // What waits unanswered is dropped for what is found now; what was downloaded stays.
      await this.#update?.close().catch(() => {});
      this.#update = await this.#api.check({ byUser, language: this.#language });
      if (!this.#update) {
        const current = (await this.#api.status())?.version;
        if (byUser) this.#show({ kind: 'upToDate', current });
      } else if (!byUser && this.#isDecided(this.#update)) {
        return;
      } else if (this.#mode === 'automatic' && !byUser && !this.#update.critical) {
        this.#decided = this.#update.version;
        this.#keepNotes();
        // It may have been asked for before the user chose not to be asked.
        if (this.#situation.kind === 'offer') this.#show({ kind: 'none' });
        await this.#update.installOnQuit();
      } else {
        this.#show({ kind: 'offer', update: this.#update });
      }
    } catch (error) {
      // Nobody asked: the next check tries again.
      if (byUser) this.#fail(error, () => this.#look(true));
    } finally {
      this.#busy = false;
    }
  }

  #isDecided({ version, critical }) {
    const [later, since] = (localStorage.getItem('exuvia-later') ?? '').split(' ');
    const hours = Number(this.getAttribute('remind')) || 24;
    const waits = later === version && Math.abs(Date.now() - Number(since)) < hours * 3600 * 1000;
    return this.#decided === version || (waits && !critical);
  }

  #onState(state) {
    const update = this.#update;
    if (!this.#running) return;
    if (state.state === 'downloading') this.#show({ kind: 'downloading', state, update });
    if (state.state === 'staging') this.#show({ kind: 'preparing', state, update });
  }

  // A step that the user began and sees.
  #running = false;

  async #run(step, done) {
    const again = () => this.#run(step, done);
    this.#running = true;
    this.#show({ kind: 'downloading', state: { version: this.#update.version }, update: this.#update });
    try {
      await step();
      this.#running = false;
      this.#decided = this.#update.version;
      this.#keepNotes();
      this.#show(done());
    } catch (error) {
      this.#running = false;
      if (error?.family === 'canceled') this.#show({ kind: 'offer', update: this.#update });
      else this.#fail(error, again);
    }
  }

  #fail(error, again) {
    const told = { family: error?.family ?? 'local', message: error?.message ?? String(error) };
    this.#show({ kind: 'failed', error: told, update: this.#update, again });
  }

  #act = async (action) => {
    const update = this.#update;
    const situation = this.#situation;
    switch (action) {
      case 'install':
        await this.#run(() => update.downloadAndInstall(), () => ({ kind: 'ready', update }));
        break;
      case 'whenQuit':
        await this.#run(() => update.installOnQuit(), () => ({ kind: 'onQuit', update }));
        break;
      case 'later':
        this.#show({ kind: 'none' });
        localStorage.setItem('exuvia-later', `${update.version} ${Date.now()}`);
        await update.remindLater().catch(() => {});
        this.#update = null;
        break;
      case 'skip':
        this.#show({ kind: 'none' });
        await update.skip().catch((error) => this.#fail(error, () => this.#act('skip')));
        break;
      case 'pause': return update.pause();
      case 'resume': return update.resume();
      case 'cancel': return update.cancel();
      case 'restart': return this.#api.relaunch();
      case 'retry': return situation.again();
      default:
        this.#show({ kind: 'none' });
    }
  };

  #onKey = (event) => {
    if (event.key !== 'Escape') return;
    const card = viewOf(this.#facts());
    const quiet = card?.buttons.find(([action]) => ['later', 'close'].includes(action));
    if (quiet) this.#act(quiet[0]);
  };

  #facts() {
    const language = this.#language;
    const app = this.getAttribute('app') || document.title;
    return { situation: this.#situation, texts: textsFor(language), language, app };
  }

  #show(situation) {
    const same = situation.kind === this.#situation.kind;
    this.#situation = situation;
    this.#render(same);
    this.dispatchEvent(new CustomEvent('exuvia-situation', { detail: situation, bubbles: true }));
  }

  #render(same = false) {
    const facts = this.#facts();
    const card = viewOf(facts);
    this.hidden = !card;
    if (!card) return this.#root.replaceChildren();
    const buttons = card.buttons.map(([action]) => action).join();
    const old = this.#root.querySelector('section');
    // Only numbers changed: the focus stays where it is.
    if (same && old && old.dataset.buttons === buttons) return this.#refresh(old, card);
    const focused = this.#root.activeElement?.dataset.action;
    const section = this.#card(card, facts.texts);
    section.dataset.buttons = buttons;
    this.#root.replaceChildren(section);
    if (focused || card.urgent) {
      const wanted = focused && section.querySelector(`[data-action="${focused}"]`);
      (wanted || section.querySelector('button') || section).focus();
    }
  }

  #refresh(section, card) {
    section.querySelector('h2').textContent = card.title;
    const bar = section.querySelector('.bar');
    if (!bar || card.busy) return;
    const percent = Math.round(card.progress * 100);
    bar.firstChild.style.inlineSize = `${percent}%`;
    bar.setAttribute('aria-valuenow', percent);
    bar.setAttribute('aria-valuetext', card.numbers.join(', '));
    section.querySelectorAll('.numbers span').forEach((span, at) => {
      span.textContent = card.numbers[at];
    });
  }

  #card(card, texts) {
    const make = (name, properties = {}, ...children) => {
      const made = Object.assign(document.createElement(name), properties);
      made.append(...children);
      return made;
    };
    const section = make('section', { dir: texts.dir, tabIndex: -1 });
    section.setAttribute('role', card.urgent ? 'alertdialog' : 'dialog');
    section.setAttribute('aria-labelledby', 'title');
    section.setAttribute('aria-describedby', 'about');
    section.setAttribute('aria-live', 'polite');
    section.dataset.tone = card.tone || '';
    section.dataset.kind = this.#situation.kind;

    const about = make('div', { id: 'about' });
    for (const [at, line] of (card.lines ?? []).entries()) {
      about.append(make('p', { className: at ? 'note' : 'note strong', textContent: line }));
    }
    if (card.detail) {
      const summary = make('summary', { textContent: texts.details });
      about.append(make('details', { className: 'note' }, summary, make('p', { textContent: card.detail, dir: 'ltr' })));
    }
    const title = make('h2', { id: 'title', textContent: card.title });
    section.append(make('header', {}, mark(card.mark), make('div', {}, title, about)));

    if (card.notes) {
      const notes = make('div', { className: 'notes', tabIndex: 0, dir: 'auto' }, renderMarkdown(card.notes, document));
      notes.setAttribute('role', 'document');
      section.append(notes);
    }
    if (card.busy || card.progress !== undefined) {
      const bar = make('div', { className: card.busy ? 'bar busy' : 'bar' }, make('i'));
      bar.setAttribute('role', 'progressbar');
      bar.setAttribute('aria-labelledby', 'title');
      const numbers = (card.numbers ?? []).map((text) => make('span', { textContent: text }));
      section.append(make('div', { className: 'progress' }, bar, make('div', { className: 'numbers' }, ...numbers)));
    }
    const buttons = card.buttons.map(([action, text], at) => {
      const className = at === 0 ? 'primary' : action === 'skip' ? 'quiet' : '';
      const button = make('button', { type: 'button', className, textContent: text });
      button.dataset.action = action;
      button.addEventListener('click', () => this.#act(action));
      return button;
    });
    section.append(make('footer', {}, ...buttons));
    if (card.progress !== undefined) this.#refresh(section, card);
    return section;
  }
}

function mark(name) {
  const space = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(space, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  const path = svg.appendChild(document.createElementNS(space, 'path'));
  path.setAttribute('d', MARKS[name]);
  const box = document.createElement('div');
  box.className = 'mark';
  box.append(svg);
  return box;
}

// Without `withGlobalTauri` the page has only what Tauri's own library builds on.
function internals() {
  const { invoke, transformCallback } = window.__TAURI_INTERNALS__;
  class Channel {
    constructor() {
      let next = 0;
      const waiting = new Map();
      this.onmessage = () => {};
      this.id = transformCallback((raw) => {
        if (!('message' in raw)) return;
        waiting.set(raw.index, raw.message);
        for (; waiting.has(next); next += 1) {
          this.onmessage(waiting.get(next));
          waiting.delete(next);
        }
      });
    }
    toJSON() {
      return `__CHANNEL__:${this.id}`;
    }
  }
  class Resource {
    constructor(rid) {
      this.rid = rid;
    }
    close() {
      return invoke('plugin:resources|close', { rid: this.rid });
    }
  }
  return { invoke, Channel, Resource };
}

if (window.customElements && !customElements.get('exuvia-prompt')) {
  customElements.define('exuvia-prompt', ExuviaPrompt);
}
