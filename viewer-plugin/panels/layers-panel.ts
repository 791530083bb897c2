// What is shown of the molecule, and how: one row for each layer of the scene.
import type { SceneOptions } from '../scene.js';
import type { Session } from '../session.js';
import { element, formatValue, onAny, setText } from './dom.js';

type Layer = 'atomicModel' | 'consensusMap' | 'gaussians' | 'density' | 'arrows';
type Amount = { [K in keyof SceneOptions]: SceneOptions[K] extends number ? K : never }[keyof SceneOptions];

/** How a slider's place 0…1 stands for a value; `reference` is what the slider's range is built around. */
interface Scale {
  toValue(place: number, reference: number): number;
  toPlace(value: number, reference: number): number;
}

export const linearScale = (from: number, to: number): Scale => ({
  toValue: place => from + place * (to - from),
  toPlace: value => (value - from) / (to - from),
});
/** Even steps in ratio, from `low` to `high` (both above zero). */
export const ratioScale = (low: number, high: number): Scale => ({
  toValue: place => low * (high / low) ** place,
  toPlace: value => Math.log(value / low) / Math.log(high / low),
});
/** From a sixth of the suggested contour to six times it, even steps in ratio; the value itself stays absolute. */
export const contourScale: Scale = {
  toValue: (place, suggested) => suggested * 6 ** (2 * place - 1),
  toPlace: (value, suggested) => (value / suggested > 0 ? 0.5 + Math.log(value / suggested) / Math.log(6) / 2 : 0),
};

interface Control {
  key: Amount;
  label: string;
  hint: string;
  scale: Scale;
  show: (value: number) => string;
}

const percent = (value: number) => `${Math.round(100 * value)} %`;
const opacity = (key: 'mapOpacity' | 'densityOpacity'): Control => ({
  key,
  label: 'opacity',
  hint: 'Opacity of the surface',
  scale: linearScale(0.05, 1),
  show: percent,
});

const LAYERS: { layer: Layer; name: string; hint: string; controls: Control[] }[] = [
  { layer: 'atomicModel', name: 'Atomic model', hint: 'The fitted atomic model, moved with the Gaussians', controls: [] },
  {
    layer: 'density',
    name: 'Density',
    hint: 'The density of the Gaussians at this latent point, at one absolute contour for all points',
    controls: [
      {
        key: 'densityContour',
        label: 'contour',
        hint: 'Absolute contour, amplitude per Å³: the same for every latent point',
        scale: contourScale,
        show: value => formatValue(value),
      },
      opacity('densityOpacity'),
    ],
  },
  {
    layer: 'consensusMap',
    name: 'Consensus map',
    hint: 'The map that the project started from; it does not move',
    controls: [
      {
        key: 'mapContour',
        label: 'contour',
        hint: "Absolute contour in the map's own values",
        scale: contourScale,
        show: value => formatValue(value),
      },
      opacity('mapOpacity'),
    ],
  },
  {
    layer: 'gaussians',
    name: 'Gaussians',
    hint: 'The Gaussians of the model as spheres',
    controls: [
      {
        key: 'gaussianScale',
        label: 'size',
        hint: 'Sphere radius in units of a Gaussian’s sigma',
        scale: ratioScale(0.1, 3),
        show: value => `${formatValue(value, 2)} σ`,
      },
    ],
  },
  {
    layer: 'arrows',
    name: 'Arrows A → B',
    hint: 'An arrow for each of the largest displacements from A to B',
    controls: [
      {
        key: 'arrowScale',
        label: 'length',
        hint: 'Arrow length in units of the displacement',
        scale: ratioScale(0.5, 20),
        show: value => `× ${formatValue(value, 2)}`,
      },
      {
        key: 'arrowCount',
        label: 'count',
        hint: 'Only the longest so many displacements get an arrow',
        scale: {
          toValue: place => Math.round(ratioScale(10, 5000).toValue(place, 0)),
          toPlace: value => ratioScale(10, 5000).toPlace(value, 0),
        },
        show: value => String(value),
      },
    ],
  },
];

export function layersPanel(host: HTMLElement, session: Session): void {
  const list = element('div', { class: 'layers' });
  host.append(element('div', { class: 'bar' }, element('h2', {}, 'Layers')), list);
  const updates: (() => void)[] = [];

  const referenceOf = (key: Amount): number => {
    if (key === 'mapContour') return session.project$.value?.map?.contour ?? 1;
    if (key === 'densityContour') return session.suggestedDensityContour$.value ?? session.options$.value?.densityContour ?? 1;
    return 1;
  };
  const reasonMissing = (layer: Layer): string | null => {
    const project = session.project$.value;
    if (!session.options$.value || !project) return 'The 3D view is not ready';
    if (layer === 'atomicModel' && !project.model) return 'This project has no atomic model: give one with --model';
    if (layer === 'consensusMap' && !project.map) return 'This project has no consensus map: give one with --map';
    if (layer === 'arrows' && !(session.ends.A.value && session.ends.B.value)) return 'Set A and B first';
    if ((layer === 'gaussians' || layer === 'density') && !session.run$.value) return 'There is no run yet';
    return null;
  };

  for (const { layer, name, hint, controls } of LAYERS) {
    const toggle = element('input', { type: 'checkbox', role: 'switch', onchange: () => session.setOptions({ [layer]: toggle.checked }) });
    const label = element('label', { class: 'layer-name' }, toggle, name);
    const row = element('div', { class: 'layer' }, label);
    const amounts = controls.map(control => {
      const slider = element('input', {
        type: 'range',
        min: 0,
        max: 1,
        step: 'any',
        'aria-label': `${name}: ${control.label}`,
        oninput: () => session.setOptions({ [control.key]: control.scale.toValue(Number(slider.value), referenceOf(control.key)) }),
      });
      slider.addEventListener('keydown', event => {
        const direction = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
        if (!direction) return;
        event.preventDefault();
        slider.value = String(Number(slider.value) + direction * 0.02);
        slider.dispatchEvent(new Event('input'));
      });
      const value = element('output', { class: 'value' });
      row.append(element('label', { class: 'amount', title: control.hint }, element('span', {}, control.label, value), slider));
      return { control, slider, value };
    });
    list.append(row);
    updates.push(() => {
      const missing = reasonMissing(layer);
      const options = session.options$.value;
      toggle.disabled = missing !== null;
      toggle.checked = !missing && !!options?.[layer];
      row.classList.toggle('off', !toggle.checked);
      label.title = missing ?? hint;
      for (const { control, slider, value } of amounts) {
        slider.disabled = !toggle.checked;
        if (!options) continue;
        const now = options[control.key];
        if (document.activeElement !== slider) slider.value = String(control.scale.toPlace(now, referenceOf(control.key)));
        setText(value, control.show(now));
        slider.setAttribute('aria-valuetext', control.show(now));
      }
    });
  }
  const update = () => {
    for (const one of updates) one();
  };
  onAny([session.options$, session.project$, session.run$, session.suggestedDensityContour$, session.ends.A, session.ends.B], update);
}
