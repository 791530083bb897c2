// Input fields of the forms that start jobs.
import { element } from './dom.js';

/** Names of runs and regions, as the protocol has them. */
export function nameField(name: string): HTMLInputElement {
  return element('input', {
    type: 'text',
    name,
    required: true,
    pattern: '[A-Za-z0-9][A-Za-z0-9._\\-]{0,63}',
    maxlength: 64,
    title: 'Letters, digits, dot, dash and underscore',
    spellcheck: false,
    autocomplete: 'off',
  });
}

/** Empty: left to the daemon, whose choice the placeholder tells. */
export function numberField(name: string, range: { min: number; max?: number; step: number | 'any' }): HTMLInputElement {
  return element('input', { type: 'number', name, ...range });
}
