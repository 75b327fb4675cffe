// How the prompt looks. Applications set the variables on `exuvia-prompt`; nothing else reaches in.

const DARK = `\
  --_accent: var(--exuvia-accent, #8b85ff);
  --_on-accent: var(--exuvia-on-accent, #14141f);
  --_surface: var(--exuvia-surface, #23242b);
  --_text: var(--exuvia-text, #f0f1f5);
  --_muted: var(--exuvia-muted, #a5a8b4);
  --_line: var(--exuvia-line, #3a3c46);
  --_danger: var(--exuvia-danger, #ff9c92);
  --_good: var(--exuvia-good, #6fd6a4);
`;

const STYLE = `
:host {
  --_accent: var(--exuvia-accent, #4f46e5);
  --_on-accent: var(--exuvia-on-accent, #ffffff);
  --_surface: var(--exuvia-surface, #ffffff);
  --_text: var(--exuvia-text, #1c1d22);
  --_muted: var(--exuvia-muted, #5d606b);
  --_line: var(--exuvia-line, #e3e4ea);
  --_danger: var(--exuvia-danger, #b42318);
  --_good: var(--exuvia-good, #067647);
  --_radius: var(--exuvia-radius, 14px);
  position: fixed;
  inset-block-end: var(--exuvia-inset, 20px);
  inset-inline-end: var(--exuvia-inset, 20px);
  z-index: var(--exuvia-layer, 2147483000);
  font: var(--exuvia-font, 14px/1.5 system-ui, -apple-system, "Segoe UI", "Noto Sans", sans-serif);
  color: var(--_text);
}
:host([hidden]), [hidden] { display: none !important; }
@media (prefers-color-scheme: dark) {
  :host(:not([theme="light"])) {
${DARK}  }
}
:host([theme="dark"]) {
${DARK}}
* { box-sizing: border-box; }
section {
  inline-size: min(440px, calc(100vw - 40px));
  max-block-size: calc(100vh - 40px);
  display: flex;
  flex-direction: column;
  background: var(--_surface);
  border: 1px solid var(--_line);
  border-radius: var(--_radius);
  box-shadow: 0 12px 40px rgb(10 12 30 / 22%), 0 2px 6px rgb(10 12 30 / 10%);
  overflow: hidden;
}
@media (prefers-reduced-motion: no-preference) {
  section { animation: arrive 180ms ease-out; }
  @keyframes arrive { from { opacity: 0; transform: translateY(10px); } }
  .bar > i { transition: inline-size 160ms linear; }
}
header { display: flex; gap: 12px; padding: 18px 18px 0; align-items: flex-start; }
.mark {
  flex: none; inline-size: 36px; block-size: 36px; border-radius: 10px; display: grid; place-items: center;
  background: color-mix(in srgb, var(--_accent) 14%, transparent); color: var(--_accent);
}
.mark svg { inline-size: 20px; block-size: 20px; fill: none; stroke: currentColor; stroke-width: 2;
  stroke-linecap: round; stroke-linejoin: round; }
[data-tone="danger"] .mark { color: var(--_danger); background: color-mix(in srgb, var(--_danger) 14%, transparent); }
[data-tone="good"] .mark { color: var(--_good); background: color-mix(in srgb, var(--_good) 14%, transparent); }
h2 { margin: 0; font-size: 1.07em; line-height: 1.35; font-weight: 650; overflow-wrap: anywhere; }
.note { margin: 2px 0 0; color: var(--_muted); font-size: .93em; overflow-wrap: anywhere; }
details p { margin: 4px 0 0; font-size: .92em; }
summary { cursor: pointer; inline-size: fit-content; }
.strong { color: var(--_text); }
.notes {
  margin: 14px 18px 0; padding: 10px 14px; max-block-size: 190px; overflow: auto; border-radius: 10px;
  background: color-mix(in srgb, var(--_muted) 9%, transparent); font-size: .95em;
}
.notes > :first-child { margin-block-start: 0; }
.notes > :last-child { margin-block-end: 0; }
.notes h3, .notes h4 { margin: .7em 0 .2em; font-size: 1em; font-weight: 650; }
.notes p { margin: .45em 0; }
.notes ul, .notes ol { margin: .35em 0; padding-inline-start: 1.35em; }
.notes pre { overflow: auto; }
.notes code { font: .92em ui-monospace, "DejaVu Sans Mono", monospace; }
.notes blockquote { margin: .4em 0; padding-inline-start: .8em; border-inline-start: 3px solid var(--_line); }
.notes .link { text-decoration: underline; text-decoration-style: dotted; }
.progress { margin: 16px 18px 0; }
.bar { block-size: 8px; border-radius: 4px; overflow: hidden; background: color-mix(in srgb, var(--_muted) 20%, transparent); }
.bar > i { display: block; block-size: 100%; inline-size: 0; border-radius: 4px; background: var(--_accent); }
.bar.busy > i { inline-size: 35%; }
@media (prefers-reduced-motion: no-preference) {
  .bar.busy > i { animation: busy 1.2s ease-in-out infinite alternate; }
  @keyframes busy { from { margin-inline-start: 0; } to { margin-inline-start: 65%; } }
}
.numbers { display: flex; justify-content: space-between; gap: 12px; margin-block-start: 6px;
  color: var(--_muted); font-size: .9em; font-variant-numeric: tabular-nums; }
footer { display: flex; flex-wrap: wrap; gap: 8px; padding: 16px 18px 18px; align-items: center; }
button {
  font: inherit; font-weight: 560; padding: 7px 14px; border-radius: 9px; cursor: pointer;
  border: 1px solid var(--_line); background: transparent; color: var(--_text);
}
button:hover { background: color-mix(in srgb, var(--_muted) 12%, transparent); }
button.primary { background: var(--_accent); border-color: var(--_accent); color: var(--_on-accent); }
button.primary:hover { background: color-mix(in srgb, var(--_accent) 88%, var(--_text)); }
button.quiet { border-color: transparent; color: var(--_muted); margin-inline-start: auto; padding-inline: 8px; }
button:focus-visible, .notes:focus-visible { outline: 2px solid var(--_accent); outline-offset: 2px; }
`;
