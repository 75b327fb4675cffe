// Release notes are written by the publisher and shown in the application's own window: so they become
// elements one by one, from text. There is no way to write an element, an attribute or an address that is
// fetched.

/** @returns {DocumentFragment} headings, paragraphs, lists, quotes, code, emphasis; links as text */
export function renderMarkdown(source, document) {
  const out = document.createDocumentFragment();
  const lines = String(source).slice(0, 65536).replace(/\r\n?/g, '\n').split('\n');
  let list = null;
  let paragraph = null;
  let code = null;

  const element = (name, parent, text) => {
    const made = document.createElement(name);
    if (text !== undefined) renderInline(text, made, document);
    return parent.appendChild(made);
  };

  for (const line of lines) {
    if (/^\s*```/.test(line)) {
      code = code ? null : element('code', element('pre', out));
      list = paragraph = null;
      continue;
    }
    if (code) {
      code.append(`${line}\n`);
      continue;
    }
    const heading = /^(#{1,6})\s+(.*)$/.exec(line);
    const item = /^\s*(?:[-*+]|(\d{1,9})[.)])\s+(.*)$/.exec(line);
    const quote = /^\s*>\s?(.*)$/.exec(line);
    if (heading) {
      // The prompt has its own title above them.
      element(heading[1].length === 1 ? 'h3' : 'h4', out, heading[2]);
      list = paragraph = null;
    } else if (item) {
      const name = item[1] ? 'ol' : 'ul';
      if (!list || list.localName !== name) list = element(name, out);
      element('li', list, item[2]);
      paragraph = null;
    } else if (quote) {
      element('blockquote', out, quote[1]);
      list = paragraph = null;
    } else if (!line.trim()) {
      list = paragraph = null;
    } else if (list && /^\s+/.test(line)) {
      list.lastChild.append(' ');
      renderInline(line.trim(), list.lastChild, document);
    } else {
      list = null;
      if (paragraph) paragraph.append(' ');
      paragraph ??= element('p', out);
      renderInline(line.trim(), paragraph, document);
    }
  }
  return out;
}

const INLINE = /`([^`]+)`|\*\*([^*]+)\*\*|__([^_]+)__|\*([^*\s][^*]*)\*|\b_([^_]+)_\b|!?\[([^\]]*)\]\(([^)\s]*)[^)]*\)/;

function renderInline(text, parent, document) {
  let rest = text;
  for (let found = INLINE.exec(rest); found; found = INLINE.exec(rest)) {
    parent.append(rest.slice(0, found.index));
    const [whole, code, strong, strong2, emphasis, emphasis2, label, address] = found;
    const name = code !== undefined ? 'code' : (strong ?? strong2) ? 'strong' : 'em';
    if (label !== undefined) {
      const link = document.createElement('span');
      link.className = 'link';
      link.title = address;
      link.textContent = label || address;
      parent.append(link);
    } else {
      const made = document.createElement(name);
      made.textContent = code ?? strong ?? strong2 ?? emphasis ?? emphasis2;
      parent.append(made);
    }
    rest = rest.slice(found.index + whole.length);
  }
  parent.append(rest);
}
