// Makes a region of the project out of what is selected in the 3D view, so that a run can be focused on it.
import type { Session } from '../session.js';
import { element, formatNumber, onAny, setText } from './dom.js';
import { nameField } from './settings-fields.js';

/** `12 atoms and 3 Gaussians` */
export function describeSelection({ atoms, gaussians }: { atoms: number; gaussians: number }): string {
  const some = (count: number, one: string) => (count === 0 ? '' : `${formatNumber(count)} ${one}${count === 1 ? '' : 's'}`);
  return [some(atoms, 'atom'), some(gaussians, 'Gaussian')].filter(Boolean).join(' and ');
}

export class RegionMarker {
  private readonly name = nameField('region');
  private readonly told = element('p', { role: 'status' });
  private readonly save = element(
    'button',
    { type: 'button', class: 'primary', onclick: () => void this.saveIt() },
    'Region from selection',
  );
  private readonly clear = element('button', { type: 'button', onclick: () => this.session.clearSelection() }, 'Clear');
  readonly host = element(
    'div',
    { class: 'region', hidden: true },
    this.told,
    element('div', { class: 'bar' }, this.name, this.save, this.clear),
  );
  /** What came of the last saving, until the selection changes. */
  private outcome = '';

  constructor(
    private readonly session: Session,
    /** Called with the name of the new region. */
    private readonly marked: (name: string) => void,
  ) {
    this.name.required = false;
    this.name.className = 'grow';
    this.name.placeholder = 'Name';
    this.name.setAttribute('aria-label', 'Name of the region');
    this.name.addEventListener('keydown', event => {
      if (event.key !== 'Enter') return;
      // Not the form around it.
      event.preventDefault();
      if (!this.save.disabled) void this.saveIt();
    });
    this.name.addEventListener('input', () => this.tell());
    session.selected$.subscribe(() => {
      this.outcome = '';
      this.tell();
    });
    onAny([session.options$, session.project$], () => this.tell());
  }

  toggle(): void {
    this.show(this.host.hidden);
  }

  /** While shown, clicks in the 3D view select. */
  show(visible: boolean): void {
    if (this.host.hidden !== visible) return;
    this.host.hidden = !visible;
    // A hidden field must not keep the form around it from being sent.
    this.name.disabled = !visible;
    this.session.setPicking(visible);
    if (!visible) return;
    this.outcome = '';
    this.name.value = freeRegionName(this.session.project$.value?.regions ?? []);
    this.tell();
  }

  private tell(): void {
    const selected = this.session.selected$.value;
    const what = selected ? describeSelection(selected) : '';
    this.save.disabled = what === '' || this.name.value === '' || !this.name.validity.valid;
    this.clear.disabled = what === '';
    setText(this.told, this.outcome || (what ? `${what} selected.` : this.howToSelect()));
  }

  private howToSelect(): string {
    const options = this.session.options$.value;
    if (!options) return 'The 3D view is not ready, and regions are marked there.';
    const model = options.atomicModel && this.session.project$.value?.model;
    if (!model && !options.gaussians) return 'Switch on the layer Gaussians, then click those of the region in the view.';
    return model
      ? 'Click residues in the view to select them; Shift+click takes the chain up to there.'
      : 'Click Gaussians in the view to select them.';
  }

  private async saveIt(): Promise<void> {
    const name = this.name.value;
    this.save.disabled = true;
    setText(this.told, 'Saving…');
    try {
      const inside = await this.session.saveRegion(name);
      this.outcome =
        inside === null
          ? `${name} is saved; how many Gaussians lie inside is known when there is a neutral model.`
          : `${name}: ${formatNumber(inside)} ${inside === 1 ? 'Gaussian lies' : 'Gaussians lie'} inside${inside === 0 ? '; a run focused on it would have nothing to vary' : ''}.`;
      this.marked(name);
      this.name.value = freeRegionName([...(this.session.project$.value?.regions ?? []), name]);
    } catch (error) {
      this.outcome = `Not saved: ${(error as Error).message}`;
    }
    this.tell();
  }
}

/** `region2` where region1 is taken. */
function freeRegionName(taken: readonly string[]): string {
  for (let k = 1; ; k++) if (!taken.includes(`region${k}`)) return `region${k}`;
}
