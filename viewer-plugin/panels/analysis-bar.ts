// What can be made of the latents from the plot: a UMAP, clusters, and maps from the particles themselves.

import type { ParticleChoice } from '../../protocol/messages.js';
import { umapColumns } from '../embeddings.js';
import { freeMapName } from '../made-maps.js';
import { pointAt } from '../path-track.js';
import type { Session } from '../session.js';
import { element, formatNumber, onAny, setText } from './dom.js';
import { particlesOf } from './lasso.js';
import { supportAt } from './local-support.js';
import { menuButton } from './menu.js';
import { numberField } from './settings-fields.js';
import { whyNoJob } from './situation.js';

/** Particles of a map at a point, as in the paper's Methods. */
const NEAREST = 2000;
/** Maps along the way from A to B. */
const ALONG = 5;

/** What was asked for here and is to be shown when it comes. */
type Wanted = 'umap' | 'cluster' | null;

export class AnalysisBar {
  /** The buttons, and the form that they open. */
  readonly host = element('div', { class: 'analyses' });
  readonly form = element('form', { class: 'settings-form', hidden: true });
  private readonly text = element('span', { class: 'grow hint' });
  private readonly method = element('select', { 'aria-label': 'Method' });
  private readonly count = numberField('clusterCount', { min: 1, max: 1000, step: 1 });
  private readonly fields: HTMLElement;
  private readonly submit = element('button', { type: 'submit', class: 'primary' });
  private kind: 'umap' | 'cluster' = 'umap';
  private wanted: Wanted = null;
  private halves = true;

  constructor(
    private readonly session: Session,
    /** Shows what has come. */
    show: (what: 'umap' | 'cluster') => void,
  ) {
    this.count.placeholder = 'by itself';
    this.method.append(element('option', { value: 'kmeans' }, 'k-means'), element('option', { value: 'gmm' }, 'Gaussian mixture'));
    this.fields = element(
      'div',
      { class: 'fields' },
      element('label', { class: 'grow' }, 'Method', this.method),
      element('label', { title: 'As many as the particles suggest, where left empty' }, 'Clusters', this.count),
    );
    const cluster = element('button', { type: 'button', 'aria-expanded': false, onclick: () => this.open('cluster') }, 'Cluster…');
    this.host.append(cluster, this.mapMenu());
    this.form.append(
      this.fields,
      element(
        'div',
        { class: 'bar' },
        this.text,
        element('button', { type: 'button', class: 'quiet', onclick: () => this.close() }, 'Cancel'),
        this.submit,
      ),
    );
    this.form.addEventListener('submit', event => {
      event.preventDefault();
      this.start();
    });
    this.form.addEventListener('keydown', event => {
      if (event.key === 'Escape') this.close();
    });
    const { link$, project$, jobs$, cloud$, embeddings, run$ } = session;
    onAny([link$, project$, jobs$, cloud$], () => {
      const refusal = this.refusal();
      cluster.disabled = refusal !== null;
      cluster.title = refusal ?? 'Sort the particles into clusters of the latent space';
      this.submit.disabled = refusal !== null;
      this.submit.title = refusal ?? '';
      this.host.hidden = !cloud$.value;
      if (!cloud$.value) this.close();
    });
    run$.subscribe(run => {
      if (run?.name !== this.run) this.wanted = null;
      this.run = run?.name;
    });
    embeddings.tables$.subscribe(tables => {
      const has = { umap: umapColumns(tables, cloud$.value).length > 0, cluster: !!tables?.clusters };
      if (!this.wanted || !has[this.wanted]) return;
      const came = this.wanted;
      this.wanted = null;
      show(came);
    });
  }

  private run: string | undefined;

  /** Opens the form for a UMAP or clusters, or closes it where it is open. */
  open(kind: 'umap' | 'cluster'): void {
    const opens = this.form.hidden || this.kind !== kind;
    this.form.hidden = !opens;
    if (!opens) return;
    this.kind = kind;
    const { cloud$ } = this.session;
    this.form.setAttribute('aria-label', kind === 'umap' ? 'New UMAP' : 'New clusters');
    this.fields.hidden = kind === 'umap';
    const rows = formatNumber(cloud$.value?.count ?? 0);
    setText(
      this.text,
      kind === 'umap'
        ? `Lays ${rows} latents out so that neighbours lie together. For looking: distances in it mean little.`
        : `Sorts ${rows} latents, the largest cluster first.`,
    );
    setText(this.submit, kind === 'umap' ? 'Make' : 'Sort');
    (kind === 'umap' ? this.submit : this.method).focus();
  }

  private close(): void {
    this.form.hidden = true;
  }

  private start(): void {
    const run = this.session.run$.value?.name;
    if (!run) return;
    this.close();
    this.wanted = this.kind;
    if (this.kind === 'umap') void this.session.embed({ run, method: 'umap' });
    else {
      const count = this.count.value === '' ? undefined : Number(this.count.value);
      void this.session.cluster({ run, method: this.method.value as 'kmeans' | 'gmm', count });
    }
  }

  private refusal(): string | null {
    const { link$, project$, jobs$ } = this.session;
    return whyNoJob(link$.value, project$.value, jobs$.value);
  }

  private mapMenu(): HTMLElement {
    const { session } = this;
    const particles = () => session.run$.value?.particles ?? 0;
    return menuButton(
      'Map from particles',
      [
        {
          label: 'This cluster',
          labelNow: () => {
            const cluster = this.clusterHere();
            return cluster ? `Cluster ${cluster.number}, where the point is: ${formatNumber(cluster.size)} particles` : 'This cluster';
          },
          title: 'Reconstruct from the particles of the cluster that the point is in',
          act: () => {
            const cluster = this.clusterHere();
            if (cluster) this.make(`cluster${cluster.number}`, { which: 'cluster', cluster: cluster.number });
          },
          refusal: () => this.refusal() ?? (this.clusterHere() ? null : 'There are no clusters yet: Cluster… makes them'),
        },
        {
          label: `Nearest ${formatNumber(NEAREST)} to this point`,
          title: 'Reconstruct from the particles whose latents are nearest to the point: does the data show what the network says?',
          act: () => this.make('near', { which: 'nearest', z: session.z$.value, count: NEAREST }),
          refusal: () =>
            this.refusal() ??
            (particles() > NEAREST ? null : `The run has no more than ${formatNumber(particles())} particles: that is all of them`),
        },
        {
          label: `Along A → B, ${ALONG} maps`,
          title: `Reconstruct from the ${formatNumber(NEAREST)} particles nearest to each of ${ALONG} points from A to B, at one contour`,
          act: () => {
            const track = session.paths.track();
            if (!track) return;
            const points = Array.from({ length: ALONG }, (_, k) => pointAt(track, k / (ALONG - 1)));
            this.make('way', { which: 'points', points, count: Math.min(NEAREST, particles()) });
          },
          refusal: () => this.refusal() ?? (session.paths.track() ? null : 'Set A and B first, and let their path be found'),
        },
        {
          label: 'Those you draw around',
          labelNow: () => {
            const chosen = this.chosen();
            return chosen ? `The ${formatNumber(chosen.length)} particles you drew around` : 'Those you draw around';
          },
          title: 'Reconstruct from the particles inside of the line in the plot',
          act: () => {
            const rows = this.chosen();
            if (rows) this.make('chosen', { which: 'rows', rows });
          },
          refusal: () => this.refusal() ?? (this.chosen() ? null : 'Draw a line around particles first: Ctrl+drag in the plot'),
        },
        {
          label: 'All particles',
          labelNow: () => `All ${formatNumber(particles())} particles`,
          title: 'Reconstruct from all particles of the run, with its orientations',
          act: () => this.make('all', { which: 'all' }),
          refusal: () => this.refusal(),
        },
        {
          label: 'With half-maps and FSC',
          title: 'Two maps more, each of half of the particles, say how far the map can be believed; takes a little longer',
          act: () => {
            this.halves = !this.halves;
          },
          refusal: () => null,
          isOn: () => this.halves,
        },
      ],
      'Map from particles ▾',
    );
  }

  /** Numbers of the particles inside of the line that was drawn. */
  private chosen(): Uint32Array | null {
    const rows = this.session.chosenRows$.value;
    const cloud = this.session.cloud$.value;
    return rows && cloud && particlesOf(cloud.particle, rows);
  }

  private make(name: string, particles: ParticleChoice): void {
    const run = this.session.run$.value?.name;
    if (!run) return;
    const free = freeMapName(`${run.slice(0, 40)}-${name}`, this.session.project$.value?.maps ?? []);
    void this.session.reconstruct({ name: free, run, particles, halves: this.halves });
  }

  /** The cluster of the particle nearest to the present point. */
  private clusterHere(): { number: number; size: number } | null {
    const { cloud$, z$, embeddings } = this.session;
    const cloud = cloud$.value;
    const tables = embeddings.tables$.value;
    if (!cloud || !tables?.clusters || tables.run !== cloud.run || tables.count !== cloud.count) return null;
    const number = tables.clusters.labels[supportAt(cloud, { radius: 0, typical: 0 }, z$.value).nearest];
    return number ? { number, size: tables.clusters.sizes[number - 1] } : null;
  }
}
