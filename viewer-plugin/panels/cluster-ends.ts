// Makes the middle of one cluster A and that of another B, where the particles have been sorted into clusters.
import { combineLatest } from 'rxjs';
import type { PathEnd, Session } from '../session.js';
import { element, formatNumber, setOptions } from './dom.js';

export function clusterEnds(host: HTMLElement, session: Session): void {
  const { tables$ } = session.embeddings;
  const select = (end: PathEnd) => {
    const made = element('select', {
      class: 'grow',
      'aria-label': `Cluster whose middle is ${end}`,
      title: `Make the particle in the middle of a cluster ${end}`,
      onchange: () => session.setEnd(end, middleOf(Number(made.value))),
    });
    return made;
  };
  const selects = { A: select('A'), B: select('B') };
  const row = element(
    'div',
    { class: 'bar cluster-ends' },
    element('label', { class: 'axis-choice grow' }, element('span', { class: 'end-a' }, 'A'), selects.A),
    element('label', { class: 'axis-choice grow' }, element('span', { class: 'end-b' }, 'B'), selects.B),
  );
  host.append(row);

  /** z of the medoid of a cluster, from 1; null where there is none. */
  function middleOf(cluster: number): number[] | null {
    const cloud = session.cloud$.value;
    const medoid = tables$.value?.clusters?.medoids[cluster - 1];
    if (!cloud || medoid === undefined) return null;
    return [...cloud.z.subarray(medoid * cloud.dims, (medoid + 1) * cloud.dims)];
  }

  combineLatest([tables$, session.cloud$, session.ends.A, session.ends.B]).subscribe(([tables, cloud, a, b]) => {
    const clusters = tables?.clusters;
    const isOfCloud = cloud !== null && tables?.run === cloud.run && tables.count === cloud.count;
    row.hidden = !clusters || clusters.sizes.length < 2 || !isOfCloud;
    if (!clusters || row.hidden) return;
    const choices = Array.from(clusters.sizes, (size, k) => ({ value: String(k + 1), label: `cluster ${k + 1} (${formatNumber(size)})` }));
    for (const [end, z] of [
      ['A', a],
      ['B', b],
    ] as const) {
      const at = clusters.sizes.findIndex((_, k) => z !== null && middleOf(k + 1)?.every((value, d) => value === z[d]) === true);
      setOptions(selects[end], [{ value: '0', label: 'middle of a cluster …' }, ...choices], String(at + 1));
    }
  });
}
