// A button that opens a short list of actions, by mouse or keyboard.
import { element } from './dom.js';

export interface MenuItem {
  label: string;
  /** What it does. */
  title: string;
  act: () => void;
  /** Why it cannot be done now, or null. */
  refusal: () => string | null;
}

export function menuButton(label: string, items: readonly MenuItem[]): HTMLElement {
  const list = element('div', { class: 'menu', role: 'menu', hidden: true, 'aria-label': label });
  const button = element(
    'button',
    {
      type: 'button',
      class: 'menu-button',
      title: label,
      'aria-label': label,
      'aria-haspopup': 'menu',
      'aria-expanded': false,
      onclick: () => show(list.hidden),
    },
    '⋯',
  );
  const entries = items.map(({ label, act }) =>
    element(
      'button',
      {
        type: 'button',
        role: 'menuitem',
        onclick: () => {
          show(false);
          act();
        },
      },
      label,
    ),
  );
  list.append(...entries);
  const host = element('div', { class: 'menu-host' }, button, list);

  function show(visible: boolean): void {
    list.hidden = !visible;
    button.setAttribute('aria-expanded', String(visible));
    if (!visible) return;
    items.forEach(({ title, refusal }, i) => {
      const reason = refusal();
      entries[i].disabled = reason !== null;
      entries[i].title = reason ?? title;
    });
    entries.find(entry => !entry.disabled)?.focus();
  }
  document.addEventListener('pointerdown', event => {
    if (!host.contains(event.target as Node)) show(false);
  });
  host.addEventListener('keydown', event => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === 'Escape') {
      show(false);
      button.focus();
    } else if (step && !list.hidden) {
      event.preventDefault();
      const able = entries.filter(entry => !entry.disabled);
      const at = able.indexOf(document.activeElement as HTMLButtonElement);
      able[(at + step + able.length) % able.length]?.focus();
    }
  });
  return host;
}
