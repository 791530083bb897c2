// The form that fits the neutral model anew.
import type { NeutralRequest } from '../../protocol/messages.js';
import type { Session } from '../session.js';
import { element, formatNumber } from './dom.js';
import { numberField } from './settings-fields.js';

export class NeutralForm {
  private readonly gaussians = numberField('gaussians', { min: 8, max: 100_000, step: 1 });
  private readonly resolution = numberField('resolutionAngstrom', { min: 0.1, step: 'any' });
  private readonly about = element('span', { class: 'grow hint' });
  readonly host: HTMLFormElement;

  constructor(
    private readonly session: Session,
    close: () => void,
  ) {
    this.host = element(
      'form',
      {
        class: 'settings-form',
        hidden: true,
        'aria-label': 'New neutral model',
        onsubmit: event => {
          event.preventDefault();
          const request: NeutralRequest = {};
          if (this.gaussians.value !== '') request.gaussians = Number(this.gaussians.value);
          if (this.resolution.value !== '') request.resolutionAngstrom = Number(this.resolution.value);
          close();
          void session.fitNeutral(request);
        },
      },
      element(
        'div',
        { class: 'fields' },
        element('label', { class: 'grow', title: 'As many as the map needs, where left empty' }, 'Gaussians', this.gaussians),
        element('label', { class: 'grow', title: 'Finer details than this are left out' }, 'Resolution (Å)', this.resolution),
      ),
      element(
        'div',
        { class: 'bar' },
        this.about,
        element('button', { type: 'button', class: 'quiet', onclick: close }, 'Cancel'),
        element('button', { type: 'submit', class: 'primary' }, 'Fit'),
      ),
    );
    this.gaussians.placeholder = 'by itself';
    this.resolution.placeholder = 'by itself';
  }

  show(visible: boolean): void {
    this.host.hidden = !visible;
    if (!visible) return;
    const neutral = this.session.project$.value?.neutral;
    this.about.textContent = neutral
      ? `Now ${formatNumber(neutral.gaussians)} at ${neutral.resolutionAngstrom.toFixed(1)} Å. Runs keep the one they were trained with.`
      : 'There is none yet.';
    this.gaussians.focus();
  }
}
