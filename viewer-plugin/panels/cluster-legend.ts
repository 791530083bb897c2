// The clusters under the plot: colour, number and size of each; a click flies to the particle in its middle.
import type { Flight } from '../flight.js';
import type { Session } from '../session.js';
import { categoryColour, cssColour } from './categories.js';
import { element, formatNumber, onAny } from './dom.js';

/** The legend; hidden while `isShown` is false or the run has no clusters. Returns what brings it up to date. */
export function clusterLegend(host: HTMLElement, session: Session, flight: Flight, isShown: () => boolean): () => void {
  const list = element('div', { class: 'cluster-legend', role: 'group', 'aria-label': 'Clusters' });
  const outdated = element('p', { class: 'hint', hidden: true }, 'Of an earlier epoch: sort them again to match the latents.');
  host.append(list, outdated);
  let shown: unknown = null;
  const update = () => {
    const tables = session.embeddings.tables$.value;
    const cloud = session.cloud$.value;
    const clusters = cloud && tables?.run === cloud.run && tables.count === cloud.count ? tables.clusters : null;
    host.hidden = !clusters || !isShown();
    outdated.hidden = !tables?.outdated;
    if (!clusters || !cloud || clusters === shown) return;
    shown = clusters;
    const chips = Array.from(clusters.sizes, (size, k) => {
      const share = ((100 * size) / clusters.labels.length).toFixed(size < 0.1 * clusters.labels.length ? 1 : 0);
      const label = `Cluster ${k + 1}: ${formatNumber(size)} particles, ${share} %`;
      const fly = () => {
        const { cloud$ } = session;
        const now = cloud$.value;
        const row = clusters.medoids[k];
        if (now) flight.to(Array.from(now.z.subarray(row * now.dims, (row + 1) * now.dims)));
      };
      const chip = element('button', {
        type: 'button',
        title: `${label}. Go to its middle`,
        'aria-label': `${label}: go to its middle`,
        onclick: fly,
      });
      const swatch = element('span', { class: 'swatch' });
      swatch.style.background = cssColour(categoryColour(k));
      chip.append(swatch, element('b', {}, String(k + 1)), ` ${formatNumber(size)}`);
      return chip;
    });
    list.replaceChildren(...chips);
  };
  onAny([session.embeddings.tables$, session.cloud$], update);
  return update;
}
