// What is shown for each situation: pure, from facts to a description of a card.

const MARKS = {
  arrow: 'M12 4v12M6 11l6 6 6-6M5 20h14',
  check: 'M5 13l4 4L19 7',
  alert: 'M12 8v5M12 17v.01M10.3 4.3 2.7 17.5A2 2 0 0 0 4.4 20.5h15.2a2 2 0 0 0 1.7-3L13.7 4.3a2 2 0 0 0-3.4 0z',
  back: 'M9 14 4 9l5-5M4 9h10a6 6 0 0 1 0 12h-3',
  star: 'M12 3l2.7 5.6 6.1.9-4.4 4.3 1 6.1L12 17l-5.4 2.9 1-6.1L3.2 9.5l6.1-.9z',
};

/** @returns a language's texts: `de-AT`, then `de`, then English */
function textsFor(language) {
  const short = String(language || 'en').toLowerCase().split(/[-_]/)[0];
  return { ...LANGUAGES.en, ...(LANGUAGES[short] || {}) };
}

function fill(template, values) {
  return template.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

function bytes(count, language) {
  const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte'];
  let unit = 0;
  let value = Number(count) || 0;
  for (; value >= 1000 && unit < units.length - 1; unit += 1) value /= 1000;
  const digits = unit > 0 && value < 100 ? 1 : 0;
  return new Intl.NumberFormat(language, {
    style: 'unit', unit: units[unit], unitDisplay: 'short', maximumFractionDigits: digits,
  }).format(value);
}

function duration(seconds, language) {
  const [value, unit] = seconds < 90 ? [seconds, 'second'] : seconds < 5400
    ? [Math.round(seconds / 60), 'minute'] : [Math.round(seconds / 3600), 'hour'];
  return new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'short' }).format(value);
}

/** The card for a situation; `null` shows nothing. Buttons are `[action, text]`, the first is the main one. */
function viewOf({ situation, texts, language, app }) {
  const say = (key, values = {}) => fill(texts[key], { app, ...values });
  const of = (count) => bytes(count, language);
  const { kind, update, state, report } = situation;
  const version = update?.version ?? state?.version;
  const current = update?.currentVersion ?? situation.current;
  switch (kind) {
    case 'offer': {
      const size = of(update.downloadSize);
      const small = update.downloadSize < update.fullSize;
      const buttons = [['install', say('installNow')], ['whenQuit', say('whenQuit')], ['later', say('later')]];
      if (!update.critical) buttons.push(['skip', say('skip')]);
      return {
        mark: update.critical ? 'alert' : 'arrow',
        tone: update.critical ? 'danger' : '',
        title: say(update.critical ? 'critical' : 'offer', { version }),
        lines: [
          ...(update.critical ? [say('criticalNote')] : []),
          say('haveNow', { current }),
          say(small ? 'sizeDelta' : 'sizeFull', { size, full: of(update.fullSize) }),
        ],
        notes: update.body,
        buttons,
        urgent: update.critical,
      };
    }
    case 'downloading': {
      const { received = 0, total = 0, rate = 0, left, paused } = state;
      const numbers = [say('progress', { received: of(received), total: of(total) })];
      const speed = [];
      if (rate) speed.push(say('rate', { rate: of(rate) }));
      if (left !== undefined) speed.push(say('left', { time: duration(left, language) }));
      numbers.push(paused ? say('paused') : speed.join(' · '));
      return {
        mark: 'arrow',
        title: say('downloading', { version }),
        progress: total ? received / total : 0,
        numbers,
        buttons: [paused ? ['resume', say('resume')] : ['pause', say('pause')], ['cancel', say('cancel')]],
      };
    }
    case 'preparing':
      return { mark: 'arrow', title: say('preparing', { version }), busy: true, buttons: [] };
    case 'ready':
      return {
        mark: 'check', tone: 'good', title: say('ready', { version }), lines: [say('verified')],
        buttons: [['restart', say('restartNow')], ['close', say('later')]],
      };
    case 'onQuit':
      return {
        mark: 'check', tone: 'good', title: say('ready', { version }), lines: [say('onQuit', { version })],
        buttons: [['close', say('close')]],
      };
    case 'failed': {
      const { family, message } = situation.error;
      const reason = { network: 'failNetwork', repository: 'failRepository' }[family];
      const lines = [reason ? say(reason) : `${say('failLocal')} ${message}`];
      if (current) lines.push(say('untouched', { current }));
      return {
        mark: 'alert', tone: 'danger', title: say('failed'), lines, detail: message,
        buttons: [['retry', say('retry')], ['close', say('close')]],
      };
    }
    case 'reverted':
      return {
        mark: 'back', tone: 'danger', title: say('reverted', report), lines: [say('revertedText', report)],
        detail: report.reason, buttons: [['close', say('close')]], urgent: true,
      };
    case 'news':
      return {
        mark: 'star', tone: 'good', title: say('news', { version: report.to }), notes: situation.notes,
        buttons: [['close', say('close')]],
      };
    case 'upToDate':
      return {
        mark: 'check', tone: 'good', title: say('newest', { current }), buttons: [['close', say('close')]],
      };
    default:
      return null;
  }
}
