// The small label beside the particle under the mouse.
import { element, setText } from './dom.js';
import type { Point } from './plot-view.js';

/** Pixels between the particle and its label. */
const AWAY = 10;

export class ParticleTip {
  readonly host = element('div', { class: 'particle-tip', hidden: true, role: 'tooltip' });

  /** `at`: pixels from the upper left corner of an area that is `width` wide; the label stays inside. null hides it. */
  show(text: string | null, [x, y]: Point = [0, 0], width = 0): void {
    this.host.hidden = text === null;
    if (text === null) return;
    setText(this.host, text);
    const half = this.host.offsetWidth / 2;
    const left = Math.min(Math.max(x, half + 2), width - half - 2);
    // Above the particle; below it where there is no room.
    const top = y - this.host.offsetHeight - AWAY;
    this.host.style.translate = `${Math.round(left - half)}px ${Math.round(top > 0 ? top : y + AWAY)}px`;
  }
}
