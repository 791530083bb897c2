// The latent plot: every particle in a plane of two latent coordinates or principal components, or in a UMAP; drag to move the molecule.
import { BehaviorSubject } from 'rxjs';
import type { Clusters } from '../../protocol/messages.js';
import { umapColumns } from '../embeddings.js';
import type { Session } from '../session.js';
import { categoryColour, categoryTable, cssColour } from './categories.js';
import { element, followSize, formatNumber, formatValue, onAny, onNextFrame, setOptions, setText } from './dom.js';
import { rowsInside } from './lasso.js';
import {
  type Basis,
  coordinateName,
  coordinateOfAll,
  type LatentCloud,
  quantiles,
  shownRange,
  toBasis,
  withCoordinates,
} from './latent-basis.js';
import { drawMarks, drawPoints, legendFor, MARGINS, type PlotMarks, type PlottedPoints } from './latent-plot-drawing.js';
import { densityProfile, planeDensity, profileAt, spreadByDensity } from './local-density.js';
import { type SupportScale, supportAt, supportScale } from './local-support.js';
import { describeRow, otherCopies, rowAt, rowTowards } from './particle-rows.js';
import { ParticleTip } from './particle-tip.js';
import { fromScreen, type PlotView, type Point, panBy, toScreen, zoomAbout } from './plot-view.js';
import { situationOf } from './situation.js';
import { canvasColours, type Theme } from './theme.js';

export type ColourBy = 'frc' | 'observability' | 'density' | 'cluster' | 'uniform';

/** Which plane is shown; the sliders follow the basis, where it is one. */
export interface PlotAxes {
  basis: Basis | 'umap';
  x: number;
  y: number;
  colour: ColourBy;
}

const COLOURS: { value: ColourBy; label: string }[] = [
  { value: 'density', label: 'density' },
  { value: 'cluster', label: 'cluster' },
  { value: 'frc', label: 'FRC' },
  { value: 'observability', label: 'observability' },
  { value: 'uniform', label: 'uniform' },
];

/** Pixels from a particle within which the mouse is on it. */
const REACH = 6;

const HELP =
  'Drag to move the molecule. Wheel zooms, right drag or Shift+drag pans, double click shows all. Ctrl+drag draws a line around particles, for a map of them; Esc forgets it. Keys: arrows move, + and − zoom, 0 shows all, Home is the neutral point. In a UMAP the point goes from particle to particle.';

/** The plane a new run starts with: of more than two coordinates the two components that spread most, as the field is used to. */
export function initialAxes(dims: number): PlotAxes {
  return { basis: dims > 2 ? 'pca' : 'latent', x: 0, y: dims > 1 ? 1 : 0, colour: 'density' };
}

/** `z2`, `PC 3` or `UMAP 1`. */
function axisName(basis: PlotAxes['basis'], k: number): string {
  return basis === 'umap' ? `UMAP ${k + 1}` : coordinateName(basis, k);
}

export class LatentPlot {
  readonly axes$ = new BehaviorSubject<PlotAxes>(initialAxes(2));
  private readonly points = element('canvas', { 'aria-hidden': true });
  private readonly marks = element('canvas', { 'aria-hidden': true });
  private readonly under = element('div', { class: 'under-plot' });
  private readonly message = element('div', { class: 'plot-message', role: 'status' });
  private readonly area: HTMLElement;
  private readonly near = element('span', { class: 'near' });
  private readonly nearestText = element('span', { class: 'push' });
  private readonly support = element('div', {
    class: 'support',
    title: 'Where few particles lie, the decoder guesses: trust the molecule less.',
  });
  /** For a legend. */
  readonly belowSupport = element('div');
  private readonly bases: Record<PlotAxes['basis'], HTMLButtonElement>;
  private readonly selects = { x: this.axisSelect('x'), y: this.axisSelect('y') };
  private readonly colour = element('select', {
    class: 'colour',
    'aria-label': 'Colour of the particles',
    title: 'Colour of the particles',
    onchange: () => this.change({ colour: this.colour.value as ColourBy }),
  });
  private view: PlotView = { x0: -1, x1: 1, y0: -1, y1: 1, width: 0, height: 0 };
  private home: PlotView | null = null;
  private plotted: PlottedPoints | null = null;
  private scale: SupportScale = { radius: 0, typical: 0 };
  private scaledCloud: LatentCloud | null = null;
  private dimsShown = 0;
  private runShown: string | null = null;
  /** Row of the particle under the mouse, −1 where there is none. */
  private hovered = -1;
  /** The line that a person draws or has drawn around particles, in the plot's coordinates. */
  private lasso: Point[] = [];
  /** Row of the particle nearest to each latent point that was asked for: its place in a UMAP. */
  private nearestRows = new WeakMap<object, number>();
  private readonly tip = new ParticleTip();
  private readonly askPoints = onNextFrame(() => this.paintPoints());
  private readonly askMarks = onNextFrame(() => this.paintMarks());

  constructor(
    host: HTMLElement,
    private readonly session: Session,
    private readonly theme$: BehaviorSubject<Theme>,
    /** Called when the user takes the point in hand. */
    private readonly onGrab: () => void,
    /** Called when the user asks for a UMAP where there is none. */
    private readonly onWantUmap: () => void,
    /** What stands under the plot, beside its help. */
    tools: HTMLElement,
  ) {
    const basisButton = (basis: PlotAxes['basis'], label: string, title: string) =>
      element('button', { type: 'button', title, onclick: () => this.chooseBasis(basis) }, label);
    this.bases = {
      latent: basisButton('latent', 'z', 'Latent coordinates as the network has them'),
      pca: basisButton('pca', 'PCA', 'Principal components of the latents'),
      umap: basisButton('umap', 'UMAP', ''),
    };
    this.area = element(
      'div',
      {
        class: 'plot-area',
        tabindex: 0,
        role: 'application',
        'aria-roledescription': 'latent plot',
        'aria-label': `Latent plot. ${HELP}`,
        title: '',
      },
      this.points,
      this.marks,
      this.message,
      this.tip.host,
    );
    host.append(
      element(
        'div',
        { class: 'bar' },
        element(
          'div',
          { class: 'segments', role: 'group', 'aria-label': 'Coordinates' },
          this.bases.latent,
          this.bases.pca,
          this.bases.umap,
        ),
        element('label', { class: 'axis-choice' }, 'x', this.selects.x),
        element('label', { class: 'axis-choice' }, 'y', this.selects.y),
        this.colour,
      ),
      this.area,
      this.support,
      this.belowSupport,
      this.under,
    );
    this.under.append(tools, element('span', { class: 'help', tabindex: 0, role: 'note', title: HELP, 'aria-label': HELP }, '?'));
    this.support.append(this.near, this.nearestText);
    followSize(this.points, () => this.resized());
    followSize(this.marks, () => this.resized());
    this.listen();
    session.cloud$.subscribe(() => this.cloudChanged());
    session.embeddings.tables$.subscribe(() => this.planeChanged());
    this.axes$.subscribe(() => this.planeChanged());
    theme$.subscribe(() => this.repaint());
    onAny([session.z$, session.ends.A, session.ends.B, session.paths.state$], this.askMarks);
    onAny([session.link$, session.project$, session.run$, session.cloud$, session.jobs$], () => this.showSituation());
  }

  private axisSelect(axis: 'x' | 'y'): HTMLSelectElement {
    const label = axis === 'x' ? 'Horizontal coordinate' : 'Vertical coordinate';
    const select = element('select', { 'aria-label': label, title: label, onchange: () => this.chooseAxis(axis, Number(select.value)) });
    return select;
  }

  private change(changed: Partial<PlotAxes>): void {
    this.axes$.next({ ...this.axes$.value, ...changed });
  }

  /** Shows the particles by cluster, or as a UMAP, which must be there. */
  show(changed: { colour: 'cluster' } | { basis: 'umap' }): void {
    if ('basis' in changed) this.chooseBasis('umap');
    else this.change(changed);
  }

  private forgetLasso(): void {
    this.lasso = [];
    this.session.chosenRows$.next(null);
    this.askMarks();
  }

  private chooseBasis(basis: PlotAxes['basis']): void {
    this.forgetLasso();
    if (basis === 'umap' && this.umap().length === 0) {
      this.onWantUmap();
      return;
    }
    this.home = null;
    const dims = this.session.cloud$.value?.dims ?? 0;
    const { x, y } = this.axes$.value;
    // A UMAP has coordinates of its own, and sends one to the first of them and back.
    if (basis === 'umap') this.change({ basis, x: 0, y: 1 });
    else this.change({ basis, x: Math.min(x, dims - 1), y: Math.min(y, dims - 1) });
  }

  private umap(): Float32Array[] {
    return umapColumns(this.session.embeddings.tables$.value, this.session.cloud$.value);
  }

  private clusters(): Clusters | null {
    const tables = this.session.embeddings.tables$.value;
    const cloud = this.session.cloud$.value;
    return cloud && tables?.run === cloud.run && tables.count === cloud.count ? tables.clusters : null;
  }

  /** Two axes never show the same coordinate: the other gives way. */
  private chooseAxis(axis: 'x' | 'y', k: number): void {
    this.forgetLasso();
    const { x, y } = this.axes$.value;
    this.home = null;
    if (axis === 'x') this.change({ x: k, y: y === k ? x : y });
    else this.change({ y: k, x: x === k ? y : x });
  }

  private cloudChanged(): void {
    const cloud = this.session.cloud$.value;
    this.hover(-1);
    this.forgetLasso();
    this.nearestRows = new WeakMap();
    if (!cloud) this.home = null;
    else if (cloud.dims !== this.dimsShown || cloud.run !== this.runShown) {
      this.home = null;
      const same = cloud.dims === this.dimsShown;
      this.dimsShown = cloud.dims;
      this.runShown = cloud.run;
      if (!same) {
        this.axes$.next({ ...initialAxes(cloud.dims), colour: this.axes$.value.colour });
        return;
      }
    }
    this.planeChanged();
  }

  /** New coordinates for every particle; the zoom stays where the user left it unless the plane is a new one. */
  private planeChanged(): void {
    const cloud = this.session.cloud$.value;
    const { basis, x, y, colour } = this.axes$.value;
    const clusters = this.clusters();
    if (cloud && ((!cloud.observability && colour === 'observability') || (!clusters && colour === 'cluster' && !this.isAwaited()))) {
      this.change({ colour: 'density' });
      return;
    }
    const umap = this.umap();
    if (cloud && basis === 'umap' && umap.length === 0 && !this.isAwaited()) {
      this.home = null;
      this.change({ ...initialAxes(cloud.dims), colour });
      return;
    }
    this.showChoices(cloud);
    if (!cloud || cloud.dims !== this.dimsShown || (basis === 'umap' && umap.length === 0)) {
      this.plotted = null;
      this.repaint();
      return;
    }
    const flat = cloud.dims === 1 && basis !== 'umap';
    const valuesOf = (k: number) => (basis === 'umap' ? umap[Math.min(k, umap.length - 1)] : coordinateOfAll(cloud, basis, k));
    // In a UMAP the neutral point has no place of its own.
    const neutral = basis === 'umap' ? umap.map(column => column[0]) : toBasis(new Float32Array(cloud.dims), basis, cloud.pca);
    const xs = valuesOf(x);
    const rangeX = shownRange(xs, neutral[x]);
    const profile = flat ? densityProfile(xs, ...rangeX) : null;
    const ys = profile ? spreadByDensity(xs, profile) : valuesOf(y);
    const rangeY: [number, number] = profile ? [-1.15, 1.15] : shownRange(ys, neutral[y]);
    let value: Float32Array | null = null;
    let legend: PlottedPoints['legend'] = null;
    if (colour === 'cluster') value = clusters && Float32Array.from(clusters.labels, label => label - 1);
    else if (colour === 'density') {
      value = profile ? xs.map(x => profileAt(profile, x)) : planeDensity(xs, ys, rangeX, rangeY);
    } else if (colour !== 'uniform') {
      const known = colour === 'frc' ? cloud.frc : (cloud.observability ?? new Float32Array());
      const [low, high] = quantiles(known, [0.02, 0.98]);
      if (low !== undefined) {
        value = known.map(one => (one - low) / (high - low || 1));
        legend = legendFor(colour === 'frc' ? 'FRC' : 'observability', low, high);
      }
    }
    this.plotted = {
      x: xs,
      y: ys,
      value,
      categories: colour === 'cluster' && clusters ? categoryTable(clusters.sizes.length) : null,
      xName: axisName(basis, x),
      yName: flat ? null : axisName(basis, y),
      profile,
      legend,
    };
    const zoomed = this.home && (['x0', 'x1', 'y0', 'y1'] as const).some(key => this.home![key] !== this.view[key]);
    this.home = { ...this.view, x0: rangeX[0], x1: rangeX[1], y0: rangeY[0], y1: rangeY[1] };
    if (!zoomed) this.view = this.home;
    if (this.scaledCloud !== cloud) {
      this.scaledCloud = cloud;
      this.scale = supportScale(cloud);
    }
    this.repaint();
  }

  private showChoices(cloud: LatentCloud | null): void {
    const { basis, x, y, colour } = this.axes$.value;
    const umap = this.umap();
    const dims = basis === 'umap' ? umap.length : (cloud?.dims ?? 0);
    setText(this.bases.umap, umap.length > 0 ? 'UMAP' : 'UMAP…');
    this.bases.umap.title =
      umap.length > 0
        ? `UMAP of the latents${this.isOutdated() ? ', of an earlier epoch' : ''}: neighbours lie together, distances mean little`
        : 'Make a UMAP of the latents…';
    for (const [name, button] of Object.entries(this.bases)) button.setAttribute('aria-pressed', String(name === basis));
    const choices = Array.from({ length: dims }, (_, k) => ({ value: String(k), label: axisName(basis, k) }));
    setOptions(this.selects.x, choices, String(x));
    setOptions(this.selects.y, choices, String(y));
    setOptions(
      this.colour,
      COLOURS.filter(({ value }) => (value !== 'observability' || cloud?.observability) && (value !== 'cluster' || this.clusters())),
      colour,
    );
    this.colour.closest<HTMLElement>('.bar')!.hidden = !cloud;
    this.under.hidden = !cloud;
    this.selects.x.parentElement!.hidden = dims < 2 || basis === 'umap';
    this.selects.y.parentElement!.hidden = dims < 2 || basis === 'umap';
    // Of one coordinate there are no components.
    this.bases.pca.hidden = (cloud?.dims ?? 0) < 2;
  }

  private isOutdated(): boolean {
    return this.session.embeddings.tables$.value?.outdated ?? false;
  }

  /** Whether embeddings or clusters that are there have not arrived yet. */
  private isAwaited(): boolean {
    return this.session.run$.value?.embeddingsVersion !== '' && this.session.embeddings.tables$.value === null;
  }

  private showSituation(): void {
    const { link$, project$, run$, cloud$, jobs$ } = this.session;
    const situation = situationOf({
      link: link$.value,
      project: project$.value,
      run: run$.value,
      hasLatents: cloud$.value !== null,
      jobs: jobs$.value,
    });
    this.area.classList.toggle('stale', link$.value === 'away');
    this.area.classList.toggle('empty', situation !== null);
    this.message.hidden = !situation;
    if (!situation) return;
    if (!this.message.childElementCount)
      this.message.append(element('span', { class: 'spinner', 'aria-hidden': true }), element('strong'), element('span'));
    const [spinner, title, hint] = this.message.children;
    (spinner as HTMLElement).hidden = !situation.busy;
    setText(title, situation.title);
    setText(hint, situation.hint);
  }

  private resized(): void {
    const { clientWidth, clientHeight } = this.points;
    const size = {
      width: Math.max(1, clientWidth - MARGINS.left - MARGINS.right),
      height: Math.max(1, clientHeight - MARGINS.top - MARGINS.bottom),
    };
    this.view = { ...this.view, ...size };
    if (this.home) this.home = { ...this.home, ...size };
    this.repaint();
  }

  private repaint(): void {
    this.askPoints();
    this.askMarks();
  }

  private paintPoints(): void {
    if (!this.view.width) return;
    if (this.plotted) drawPoints(this.points, this.view, this.plotted, canvasColours(this.theme$.value));
    else this.points.getContext('2d')!.clearRect(0, 0, this.points.width, this.points.height);
  }

  private paintMarks(): void {
    const cloud = this.session.cloud$.value;
    const context = this.marks.getContext('2d')!;
    if (!this.plotted || !cloud || !this.view.width) {
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.clearRect(0, 0, this.marks.width, this.marks.height);
      this.support.hidden = true;
      return;
    }
    const z = this.session.z$.value;
    const support = z.length === cloud.dims ? supportAt(cloud, this.scale, z) : null;
    const nearest = support?.nearest ?? -1;
    const looked = this.hovered >= 0 ? this.hovered : nearest;
    drawMarks(
      this.marks,
      this.view,
      {
        current: this.place(z),
        nearest: this.placeOfRow(nearest),
        hovered: this.placeOfRow(this.hovered),
        copies: { of: this.placeOfRow(looked), at: otherCopies(cloud, looked).map(row => this.placeOfRow(row)!) },
        neutral: this.axes$.value.basis === 'umap' ? null : this.place(new Array<number>(cloud.dims).fill(0)),
        clusters: this.clusterMarks(),
        lasso: this.lasso,
        isStraight: this.axes$.value.basis !== 'umap' && this.session.paths.shape$.value === 'line',
        a: this.place(this.session.ends.A.value),
        b: this.place(this.session.ends.B.value),
        path: this.session.paths.denseTrack()?.vertices.map(vertex => this.place(vertex)!) ?? null,
      },
      canvasColours(this.theme$.value),
    );
    this.support.hidden = !support;
    if (support) this.tellSupport(cloud, support);
  }

  private tellSupport(cloud: LatentCloud, { nearest, distance, near }: ReturnType<typeof supportAt>): void {
    const share = this.scale.typical ? near / this.scale.typical : 0;
    const level = share < 0.05 ? 'none' : share < 0.3 ? 'few' : 'many';
    this.support.dataset.level = level;
    const verdict = level === 'none' ? 'hardly any data' : level === 'few' ? 'little data' : 'well supported';
    setText(this.near, `${formatNumber(near)} ${near === 1 ? 'particle' : 'particles'} near: ${verdict}`);
    const frc = cloud.frc[nearest];
    this.support.title = `Within ${formatValue(this.scale.radius, 2)} latent units; a typical particle has ${formatNumber(this.scale.typical)} that near. Where few particles lie, the decoder guesses.${Number.isFinite(frc) ? ` The nearest has an FRC of ${frc.toFixed(3)}.` : ''}`;
    setText(this.nearestText, nearest >= 0 ? `nearest: no. ${formatNumber(cloud.particle[nearest])} at ${formatValue(distance, 2)}` : '');
  }

  /** Each cluster's number where its medoid lies, while they are told apart by colour. */
  private clusterMarks(): PlotMarks['clusters'] {
    const clusters = this.axes$.value.colour === 'cluster' ? this.clusters() : null;
    if (!clusters) return [];
    return Array.from(clusters.medoids, (row, k) => ({
      at: this.placeOfRow(row)!,
      label: String(k + 1),
      colour: cssColour(categoryColour(k)),
    }));
  }

  private placeOfRow(row: number): Point | null {
    return this.plotted && row >= 0 ? [this.plotted.x[row], this.plotted.y[row]] : null;
  }

  /** Marks the particle in this row with its copies, and says what is known of it; −1 for none. */
  private hover(row: number): void {
    if (row === this.hovered) return;
    this.hovered = row;
    const cloud = this.session.cloud$.value;
    const place = this.placeOfRow(row);
    this.askMarks();
    if (!cloud || !place) {
      this.tip.show(null);
      return;
    }
    const [x, y] = toScreen(this.view, place);
    const cluster = this.clusters()?.labels[row];
    const text = [
      describeRow(cloud, row),
      cluster === undefined ? '' : `cluster ${cluster}`,
      this.axes$.value.basis === 'umap' ? 'drag goes from particle to particle' : '',
    ];
    this.tip.show(text.filter(Boolean).join(' · '), [x + MARGINS.left, y + MARGINS.top], this.area.clientWidth);
  }

  /** A latent point in the plot's coordinates. */
  private place(z: ArrayLike<number> | null): Point | null {
    const cloud = this.session.cloud$.value;
    if (!z || !cloud || z.length !== cloud.dims) return null;
    const { basis, x, y } = this.axes$.value;
    if (basis === 'umap') return this.placeOfRow(this.nearestRow(cloud, z));
    const coordinates = toBasis(z, basis, cloud.pca);
    return [coordinates[x], cloud.dims === 1 ? 0 : coordinates[y]];
  }

  private nearestRow(cloud: LatentCloud, z: ArrayLike<number>): number {
    let row = this.nearestRows.get(z);
    if (row === undefined) {
      row = supportAt(cloud, this.scale, z).nearest;
      this.nearestRows.set(z, row);
    }
    return row;
  }

  /** Moves the latent point to a particle's. */
  private moveToRow(row: number, live: boolean): void {
    const cloud = this.session.cloud$.value;
    if (!cloud || row < 0) return;
    const z = Array.from(cloud.z.subarray(row * cloud.dims, (row + 1) * cloud.dims));
    this.nearestRows.set(z, row);
    this.session.moveTo(z, live);
  }

  /** Moves the latent point to a place in the plane, all other coordinates kept; in a UMAP, which knows particles alone, to the nearest of them. */
  private moveTo([px, py]: Point, live: boolean): void {
    const cloud = this.session.cloud$.value;
    const z = this.session.z$.value;
    if (!cloud || z.length !== cloud.dims) return;
    const { basis, x, y } = this.axes$.value;
    if (basis === 'umap') {
      const { plotted, view } = this;
      if (plotted) this.moveToRow(rowAt(plotted.x, plotted.y, view, toScreen(view, [px, py]), Infinity), live);
      return;
    }
    const changed = new Map([[x, px]]);
    if (cloud.dims > 1) changed.set(y, py);
    this.session.moveTo(withCoordinates(z, basis, cloud.pca, changed), live);
  }

  private pointerPlace(event: MouseEvent): Point {
    const box = this.area.getBoundingClientRect();
    return [event.clientX - box.left - MARGINS.left, event.clientY - box.top - MARGINS.top];
  }

  private zoom(at: Point, factor: number): void {
    if (!this.home) return;
    const zoomed = zoomAbout(this.view, at, factor, this.plotted?.yName !== null);
    const magnification = (this.home.x1 - this.home.x0) / (zoomed.x1 - zoomed.x0);
    if (magnification < 0.2 || magnification > 2000) return;
    this.view = zoomed;
    this.hover(-1);
    this.repaint();
  }

  private listen(): void {
    const { area } = this;
    let drag: 'scrub' | 'pan' | 'lasso' | null = null;
    let last: Point = [0, 0];
    area.addEventListener('pointerdown', event => {
      if (!this.plotted) return;
      this.hover(-1);
      const isLasso = event.button === 0 && (event.ctrlKey || event.metaKey || event.altKey);
      drag = isLasso ? 'lasso' : event.button === 0 && !event.shiftKey ? 'scrub' : 'pan';
      last = this.pointerPlace(event);
      area.setPointerCapture(event.pointerId);
      area.classList.toggle('panning', drag === 'pan');
      if (isLasso) this.forgetLasso();
      if (drag === 'scrub') {
        this.onGrab();
        this.moveTo(fromScreen(this.view, last), true);
      }
    });
    area.addEventListener('pointermove', event => {
      const here = this.pointerPlace(event);
      if (!drag) {
        if (this.plotted) this.hover(rowAt(this.plotted.x, this.plotted.y, this.view, here, REACH));
        return;
      }
      if (drag === 'scrub') this.moveTo(fromScreen(this.view, here), true);
      else if (drag === 'lasso') {
        this.lasso.push(fromScreen(this.view, here));
        this.askMarks();
      } else {
        this.view = panBy(this.view, here[0] - last[0], this.plotted?.yName === null ? 0 : here[1] - last[1]);
        this.repaint();
      }
      last = here;
    });
    const end = () => {
      if (drag === 'scrub') this.session.release();
      if (drag === 'lasso' && this.plotted) {
        const rows = rowsInside(this.plotted.x, this.plotted.y, this.lasso);
        if (rows.length > 0) this.session.chosenRows$.next(rows);
        else this.forgetLasso();
      }
      drag = null;
      area.classList.remove('panning');
    };
    area.addEventListener('pointerup', end);
    area.addEventListener('pointercancel', end);
    area.addEventListener('pointerleave', () => this.hover(-1));
    area.addEventListener('contextmenu', event => event.preventDefault());
    area.addEventListener('dblclick', () => this.showAll());
    area.addEventListener(
      'wheel',
      event => {
        if (!this.plotted) return;
        event.preventDefault();
        this.zoom(this.pointerPlace(event), Math.exp(-event.deltaY * (event.deltaMode === 1 ? 0.05 : 0.0016)));
      },
      { passive: false },
    );
    area.addEventListener('keydown', event => {
      if (this.pressed(event)) event.preventDefault();
    });
    area.addEventListener('keyup', () => this.session.release());
  }

  private showAll(): void {
    if (this.home) this.view = this.home;
    this.repaint();
  }

  /** Handles a key; false when it is none of the plot's. */
  private pressed(event: KeyboardEvent): boolean {
    if (event.key === 'Escape' && this.lasso.length > 0) {
      this.forgetLasso();
      return true;
    }
    const current = this.place(this.session.z$.value);
    if (!current || event.ctrlKey || event.metaKey || event.altKey) return false;
    const { x0, x1, y0, y1, width, height } = this.view;
    const step = event.shiftKey ? 0.05 : 0.01;
    const directions: Record<string, Point> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    const direction = directions[event.key];
    if (direction) {
      this.onGrab();
      if (this.axes$.value.basis === 'umap' && this.plotted) {
        const [dx, dy] = direction;
        this.moveToRow(rowTowards(this.plotted.x, this.plotted.y, this.view, toScreen(this.view, current), [dx, -dy]), true);
      } else this.moveTo([current[0] + direction[0] * step * (x1 - x0), current[1] + direction[1] * step * (y1 - y0)], true);
    } else if (event.key === '+' || event.key === '=') this.zoom([width / 2, height / 2], 1.25);
    else if (event.key === '-') this.zoom([width / 2, height / 2], 0.8);
    else if (event.key === '0') this.showAll();
    else if (event.key === 'Home') {
      this.onGrab();
      this.session.moveTo(new Array<number>(this.session.z$.value.length).fill(0), false);
    } else return false;
    return true;
  }
}
