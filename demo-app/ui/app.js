// The note pad's page. It knows nothing of updates but where to show them.

const { invoke } = window.__TAURI__.core;
const updates = window.__TAURI__.exuvia;
const { renderMarkdown } = customElements.get('exuvia-prompt');
const find = (id) => document.getElementById(id);

let open = null;
let saving = null;

async function list() {
  const notes = await invoke('list_notes');
  find('list').replaceChildren(...notes.map(({ id, title }) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = title || 'Untitled';
    button.setAttribute('aria-current', id === open);
    button.addEventListener('click', () => show(id));
    const item = document.createElement('li');
    item.append(button);
    return item;
  }));
  return notes;
}

async function show(id) {
  await save();
  open = id;
  find('editor').value = await invoke('read_note', { id });
  preview();
  await list();
}

function preview() {
  const text = find('editor').value;
  find('preview').replaceChildren(renderMarkdown(text));
  // What 1.1.0 brought.
  const words = text.split(/\s+/).filter(Boolean).length;
  find('status').textContent = counts ? `${words} words` : '';
}

async function save() {
  if (saving === null) return;
  clearTimeout(saving);
  saving = null;
  await invoke('write_note', { id: open, text: find('editor').value });
  await list();
}

find('editor').addEventListener('input', () => {
  preview();
  clearTimeout(saving);
  saving = setTimeout(save, 400);
});

find('new').addEventListener('click', async () => {
  await save();
  const id = `note-${Date.now()}`;
  await invoke('write_note', { id, text: '# New note\n\n' });
  await show(id);
  find('editor').focus();
});

// Settings.
const prompt = document.querySelector('exuvia-prompt');
let settings = await invoke('read_settings');

async function change(changes) {
  settings = { ...settings, ...changes };
  await invoke('write_settings', { settings });
  prompt.setAttribute('mode', settings.mode);
}

find('open-settings').addEventListener('click', async () => {
  for (const radio of document.querySelectorAll('[name=mode]')) radio.checked = radio.value === settings.mode;
  find('channel').value = settings.channel ?? '';
  const status = await updates.status();
  find('previous').textContent = status?.previous ? `${status.previous} is kept` : 'No earlier version is kept';
  find('rollback').disabled = !status?.previous;
  find('freshness').textContent = !status ? 'Not installed: nothing to update'
    : status.staleDays ? `Nothing new was shown for ${status.staleDays} days` : `Installed is ${status.version}`;
  const entries = await updates.history();
  find('history').replaceChildren(...entries.reverse().map(({ time, event, from, to, reason }) => {
    const item = document.createElement('li');
    const versions = from && to ? `${from} → ${to}` : to ?? from ?? '';
    item.textContent = [time.slice(0, 16).replace('T', ' '), event, versions, reason].filter(Boolean).join('  ');
    return item;
  }));
  find('settings').showModal();
});
for (const radio of document.querySelectorAll('[name=mode]')) {
  radio.addEventListener('change', () => change({ mode: radio.value }));
}
find('channel').addEventListener('change', (event) => change({ channel: event.target.value || null }));
find('check').addEventListener('click', async () => {
  find('settings').close();
  await prompt.check();
});
find('rollback').addEventListener('click', async () => {
  try {
    const version = await updates.rollback();
    if (version) await updates.relaunch();
  } catch (error) {
    find('previous').textContent = error.message;
  }
});

// About.
const about = await invoke('about');
find('badge').textContent = about.version;
find('about-version').textContent = about.version;
find('about-notes').textContent = about.notes;
find('open-about').addEventListener('click', async () => {
  find('about-channel').textContent = settings.channel ?? (await updates.status())?.channel ?? 'development';
  find('about').showModal();
});

const counts = Number(about.version.split('.')[1]) >= 1;
const [newest] = await list();
if (newest) await show(newest.id);
// A demonstration is impatient: a check every 18 seconds.
prompt.setAttribute('interval', '0.005');
prompt.setAttribute('mode', settings.mode);
// The window is up and shows the notes: this version works.
await updates.healthy();
document.documentElement.dataset.ready = 'yes';
