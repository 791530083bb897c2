// A button that opens a short list of actions, by mouse or keyboard.
import { element, setText } from './dom.js';

export interface MenuItem {
  label: string;
  /** What it does. */
  title: string;
  act: () => void;
  /** Why it cannot be done now, or null. */
  refusal: () => string | null;
  /** What it is called now, where that changes. */
  labelNow?: () => string;
  /** Of one that is switched on and off; the list stays open. */
  isOn?: () => boolean;
}

/** `text` stands on the button where it is more than a ⋯. */
export function menuButton(label: string, items: readonly MenuItem[], text = '⋯'): HTMLElement {
  const list = element('div', { class: 'menu', role: 'menu', hidden: true, 'aria-label': label });
  const button = element(
    'button',
    {
      type: 'button',
      class: text === '⋯' ? 'menu-button' : 'menu-button named',
      title: label,
      'aria-label': label,
      'aria-haspopup': 'menu',
      'aria-expanded': false,
      onclick: () => show(list.hidden),
    },
    text,
  );
  const entries = items.map(({ label, act, isOn }) =>
    element(
      'button',
      {
        type: 'button',
        role: isOn ? 'menuitemcheckbox' : 'menuitem',
        onclick: () => {
          if (!isOn) show(false);
          act();
          tell();
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
    tell();
    entries.find(entry => !entry.disabled)?.focus();
  }
  function tell(): void {
    items.forEach(({ title, refusal, labelNow, isOn }, i) => {
      const reason = refusal();
      entries[i].disabled = reason !== null;
      entries[i].title = reason ?? title;
      if (labelNow) setText(entries[i], labelNow());
      if (isOn) entries[i].setAttribute('aria-checked', String(isOn()));
    });
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
