// The maps from particles among the layers: shown or not, contour, colour, what each is of and how good, and its deletion.
import type { MadeMap } from '../../protocol/messages.js';
import type { MapLayer } from '../made-maps.js';
import type { Session } from '../session.js';
import { cssColour } from './categories.js';
import { element, formatNumber, formatValue, setText } from './dom.js';
import { contourScale } from './layers-panel.js';

/** Milliseconds in which a deletion has to be confirmed. */
const CONFIRM_MS = 4000;

/** `2,000 particles near z = 0.5, −1 · 7.2 Å`, with its run; '' where nobody knows. */
export function describeMap({ source, resolutionAngstrom }: MadeMap): string {
  if (!source) return 'put into the project by hand';
  const of = {
    all: '',
    rows: ', chosen',
    cluster: ` of cluster ${source.cluster}`,
    nearest: ` near z = ${source.z?.map(value => formatValue(value, 2)).join(', ')}`,
  }[source.which];
  return [
    source.quick ? 'quick look' : '',
    `${formatNumber(source.particles)} particles${of}`,
    resolutionAngstrom === null ? '' : `FSC 0.143 at ${resolutionAngstrom.toFixed(1)} Å`,
  ]
    .filter(Boolean)
    .join(' · ');
}

interface Row {
  element: HTMLElement;
  update: (layer: MapLayer) => void;
}

export function mapsPanel(host: HTMLElement, session: Session): void {
  const { madeMaps } = session;
  const list = element('div', { class: 'layers' });
  const heading = element('div', { class: 'bar', hidden: true }, element('h2', {}, 'Maps from particles'));
  host.append(heading, list);
  const rows = new Map<string, Row>();
  let isFirst = true;
  madeMaps.layers$.subscribe(layers => {
    heading.hidden = layers.length === 0;
    for (const [name, row] of rows) {
      if (layers.some(({ map }) => map.name === name)) continue;
      row.element.remove();
      rows.delete(name);
    }
    layers.forEach((layer, i) => {
      const { name } = layer.map;
      let row = rows.get(name);
      if (!row) {
        row = makeRow(session, name);
        rows.set(name, row);
        list.insertBefore(row.element, list.children[i] ?? null);
        // What was just made is seen, also where the column is long.
        if (!isFirst) row.element.scrollIntoView({ block: 'nearest' });
      }
      row.update(layer);
    });
    if (session.project$.value) isFirst = false;
  });
}

function makeRow(session: Session, name: string): Row {
  const { madeMaps } = session;
  let suggested = 1;
  const toggle = element('input', { type: 'checkbox', role: 'switch', onchange: () => madeMaps.change(name, { visible: toggle.checked }) });
  const slider = element('input', {
    type: 'range',
    min: 0,
    max: 1,
    step: 'any',
    'aria-label': `${name}: contour`,
    oninput: () => madeMaps.change(name, { contour: contourScale.toValue(Number(slider.value), suggested) }),
  });
  const value = element('output', { class: 'value' });
  const colour = element('input', {
    type: 'color',
    'aria-label': `${name}: colour`,
    title: 'Colour of this map',
    oninput: () => madeMaps.change(name, { colour: Number.parseInt(colour.value.slice(1), 16) }),
  });
  const remove = element('button', { type: 'button', class: 'quiet remove', onclick: () => confirmed() }, '✕');
  let armed: ReturnType<typeof setTimeout> | null = null;
  const arm = (on: boolean) => {
    if (armed) clearTimeout(armed);
    armed = on ? setTimeout(() => arm(false), CONFIRM_MS) : null;
    remove.classList.toggle('armed', on);
    setText(remove, on ? 'Delete?' : '✕');
    remove.title = on ? 'Once more deletes the map from the project' : 'Delete this map';
    remove.setAttribute('aria-label', on ? `Delete ${name}: once more` : `Delete ${name}`);
  };
  arm(false);
  function confirmed(): void {
    if (armed) void session.deleteMap(name);
    arm(!armed);
  }
  const label = element('label', { class: 'layer-name' }, toggle, element('span', {}, name));
  const about = element('div', { class: 'about' });
  const row = element(
    'div',
    { class: 'layer made-map' },
    label,
    element('label', { class: 'amount', title: "Absolute contour in the map's own values" }, element('span', {}, 'contour', value), slider),
    element('div', { class: 'map-tools' }, colour, remove),
    about,
  );
  return {
    element: row,
    update({ map, visible, contour, colour: shade }) {
      suggested = map.contour;
      toggle.checked = visible;
      row.classList.toggle('off', !visible);
      slider.disabled = !visible;
      colour.disabled = !visible;
      if (document.activeElement !== slider) slider.value = String(contourScale.toPlace(contour, suggested));
      setText(value, formatValue(contour));
      slider.setAttribute('aria-valuetext', formatValue(contour));
      if (document.activeElement !== colour) colour.value = cssColour(shade);
      remove.hidden = !map.source;
      setText(about, describeMap(map));
      label.title = map.source?.run ? `${name}: run ${map.source.run}` : name;
      about.title = about.textContent ?? '';
    },
  };
}
