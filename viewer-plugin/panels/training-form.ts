// The form that starts a training run: name, latent dims and epochs at once, everything else under Options.
import type { TrainingDefaults, VaryKind } from '../../protocol/messages.js';
import type { Session } from '../session.js';
import { element, formatNumber, onAny, setOptions, setText } from './dom.js';
import { nearestParticles } from './particle-rows.js';
import { RegionMarker } from './region-marker.js';
import { nameField, numberField } from './settings-fields.js';
import { defaultsFor, type PresetChoice, trainingRequest } from './training-request.js';

const VARY: VaryKind[] = ['position', 'amplitude', 'width'];

/** `run3` where run1 and run2 are taken. */
export function freeRunName(taken: readonly string[]): string {
  for (let k = 1; ; k++) if (!taken.includes(`run${k}`)) return `run${k}`;
}

export class TrainingForm {
  readonly host: HTMLFormElement;
  private readonly name = nameField('run');
  private readonly latentDims = numberField('latentDims', { min: 1, max: 64, step: 1 });
  private readonly epochs = numberField('epochs', { min: 1, max: 100_000, step: 1 });
  private readonly resolution = numberField('resolutionAngstrom', { min: 0.1, step: 'any' });
  private readonly learningRate = numberField('learningRate', { min: 1e-7, max: 1, step: 'any' });
  private readonly seed = numberField('seed', { min: 0, max: 4294967295, step: 1 });
  private readonly varies = VARY.map(kind => ({ kind, box: element('input', { type: 'checkbox', name: kind, checked: true }) }));
  private readonly preset = this.select('preset', 'Preset');
  private readonly focus = this.select('focus', 'Focus');
  private readonly continueFrom = this.select('continueFrom', 'Continue from');
  private readonly particles = this.select('particles', 'Particles');
  private readonly nearest = numberField('nearest', { min: 1, step: 1 });
  private readonly expansion = element('input', { type: 'checkbox', name: 'symmetryExpansion', checked: true });
  private readonly expansionText = element('span');
  private readonly expansionRow: HTMLElement;
  private readonly marker: RegionMarker;
  private readonly hint = element('span', { class: 'grow hint' });
  private defaults: Partial<TrainingDefaults> = {};
  /** The defaults that the boxes were last set to. */
  private boxesShow: { vary?: string; symmetryExpansion?: string } = {};
  /** A region that was just marked, until the project has it. */
  private wantedFocus = '';

  constructor(
    private readonly session: Session,
    private readonly close: () => void,
  ) {
    this.marker = new RegionMarker(session, name => {
      this.wantedFocus = name;
      this.update();
    });
    this.nearest.setAttribute('aria-label', 'How many particles');
    this.expansionRow = row('Symmetry', element('label', { class: 'check' }, this.expansion, this.expansionText));
    this.host = element(
      'form',
      {
        class: 'settings-form',
        hidden: true,
        'aria-label': 'New training run',
        onsubmit: event => {
          event.preventDefault();
          this.submit();
        },
        onchange: () => this.update(),
        oninput: () => this.update(),
      },
      element(
        'div',
        { class: 'fields' },
        element('label', { class: 'grow' }, 'Name', this.name),
        element('label', { title: 'How many latent coordinates describe a particle' }, 'Latent dims', this.latentDims),
        element('label', { title: 'How often every particle is seen' }, 'Epochs', this.epochs),
      ),
      element(
        'details',
        {},
        element('summary', {}, 'Options'),
        row('Varies', ...this.varies.map(({ kind, box }) => element('label', { class: 'check' }, box, kind))),
        row('Preset', this.preset),
        row(
          'Focus',
          this.focus,
          element(
            'button',
            {
              type: 'button',
              title: 'Make a new region of what is selected in the 3D view',
              onclick: () => this.marker.toggle(),
            },
            'Mark region…',
          ),
        ),
        this.marker.host,
        row('Continue from', this.continueFrom),
        row('Particles', this.particles, this.nearest),
        this.expansionRow,
        element(
          'div',
          { class: 'fields' },
          element('label', { class: 'grow', title: 'Finer details than this are left out' }, 'Resolution (Å)', this.resolution),
          element('label', { class: 'grow', title: 'Step of the optimiser' }, 'Learning rate', this.learningRate),
          element('label', { class: 'grow', title: 'Of all random numbers: the same seed gives the same run' }, 'Seed', this.seed),
        ),
      ),
      element(
        'div',
        { class: 'bar' },
        this.hint,
        element('button', { type: 'button', class: 'quiet', onclick: close }, 'Cancel'),
        element('button', { type: 'submit', class: 'primary' }, 'Start'),
      ),
    );
    // An entry that is wrong is shown, also where it is folded away. The event does not bubble.
    const details = this.host.querySelector('details')!;
    details.addEventListener('invalid', () => (details.open = true), true);
    onAny([session.project$, session.run$, session.cloud$], () => this.update());
  }

  show(visible: boolean): void {
    if (this.host.hidden !== visible) return;
    this.host.hidden = !visible;
    this.marker.show(false);
    if (!visible) return;
    this.name.value = freeRunName(this.session.project$.value?.runs.map(run => run.name) ?? []);
    this.update();
    this.name.focus();
  }

  private select(name: string, label: string): HTMLSelectElement {
    return element('select', { name, 'aria-label': label, class: 'grow' });
  }

  /** Choices, placeholders and the hint follow the project, the run and each other. */
  private update(): void {
    const project = this.session.project$.value;
    if (!project || this.host.hidden) return;
    const runs = project.runs.filter(run => run.epoch > 0);
    setOptions(
      this.continueFrom,
      [{ value: '', label: 'none' }, ...runs.map(({ name }) => ({ value: name, label: name }))],
      kept(
        this.continueFrom,
        runs.map(run => run.name),
      ),
    );
    const continued = runs.find(run => run.name === this.continueFrom.value) ?? null;
    const inherited = continued ? `as ${continued.name}` : null;
    setOptions(
      this.preset,
      [
        { value: '', label: inherited ?? 'default' },
        ...(inherited ? [{ value: 'default', label: 'default' }] : []),
        { value: 'paper', label: 'paper (Chen & Ludtke 2021)' },
      ],
      kept(this.preset, inherited ? ['default', 'paper'] : ['paper']),
    );
    const focus = project.regions.includes(this.wantedFocus) ? this.wantedFocus : kept(this.focus, project.regions);
    if (focus === this.wantedFocus) this.wantedFocus = '';
    setOptions(
      this.focus,
      [{ value: '', label: inherited ?? 'none' }, ...project.regions.map(name => ({ value: name, label: name }))],
      focus,
    );
    const cloud = this.session.cloud$.value;
    setOptions(
      this.particles,
      [
        { value: '', label: continued ? `those of ${continued.name}` : `all ${formatNumber(project.particles)}` },
        ...(cloud ? [{ value: 'nearest', label: 'nearest to this point' }] : []),
      ],
      kept(this.particles, cloud ? ['nearest'] : []),
    );
    const near = this.particles.value === 'nearest';
    this.nearest.hidden = !near;
    this.nearest.required = near;
    this.nearest.disabled = !near;
    this.nearest.max = String(project.particles);
    if (near && this.nearest.value === '')
      this.nearest.value = String(Math.ceil((this.session.run$.value?.particles ?? project.particles) / 4));
    this.expansionRow.hidden = project.symmetry === 'C1';
    setText(this.expansionText, `use each particle in all ${project.symmetry} orientations`);
    this.showDefaults(defaultsFor(project, this.preset.value as PresetChoice, continued));
    const none = this.vary().length === 0;
    this.varies[0].box.setCustomValidity(none ? 'Something has to vary between particles' : '');
    const taken = project.runs.some(run => run.name === this.name.value);
    this.name.setCustomValidity(taken ? 'There is a run of that name' : '');
    setText(this.hint, taken ? 'There is a run of that name' : none ? 'Something has to vary' : '');
  }

  /** Boxes are set anew only where the defaults themselves changed, and not after every key. */
  private showDefaults(defaults: Partial<TrainingDefaults>): void {
    this.defaults = defaults;
    const place = (input: HTMLInputElement, value: number | null | undefined) => {
      input.placeholder = value === undefined ? `as ${this.continueFrom.value}` : value === null ? 'by itself' : String(value);
    };
    place(this.latentDims, defaults.latentDims);
    place(this.epochs, defaults.epochs);
    place(this.resolution, defaults.resolutionAngstrom);
    place(this.learningRate, defaults.learningRate);
    place(this.seed, defaults.seed);
    const { vary, symmetryExpansion } = defaults;
    if (this.boxesShow.vary !== vary?.join()) for (const { kind, box } of this.varies) box.checked = vary?.includes(kind) ?? true;
    if (this.boxesShow.symmetryExpansion !== symmetryExpansion) this.expansion.checked = symmetryExpansion === 'on';
    this.boxesShow = { vary: vary?.join(), symmetryExpansion };
  }

  private vary(): VaryKind[] {
    return this.varies.filter(({ box }) => box.checked).map(({ kind }) => kind);
  }

  private submit(): void {
    const { cloud$, z$ } = this.session;
    const cloud = cloud$.value;
    const request = trainingRequest(
      {
        latentDims: this.latentDims.value,
        epochs: this.epochs.value,
        resolutionAngstrom: this.resolution.value,
        learningRate: this.learningRate.value,
        seed: this.seed.value,
        vary: this.vary(),
        preset: this.preset.value as PresetChoice,
        focus: this.focus.value,
        continueFrom: this.continueFrom.value,
        subset: this.particles.value === 'nearest' && cloud ? nearestParticles(cloud, z$.value, Number(this.nearest.value)) : null,
        symmetryExpansion: this.expansion.checked,
      },
      this.defaults,
    );
    this.close();
    void this.session.startTraining(this.name.value, request);
  }
}

/** The select's value where it is still among the choices, else the first. */
function kept(select: HTMLSelectElement, choices: readonly string[]): string {
  return choices.includes(select.value) ? select.value : '';
}

function row(label: string, ...controls: (Node | string)[]): HTMLElement {
  return element(
    'div',
    { class: 'option' },
    element('span', { class: 'option-name' }, label),
    element('div', { class: 'controls' }, ...controls),
  );
}
