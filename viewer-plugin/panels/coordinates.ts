// A slider for every latent coordinate (or principal component), over the range that the particles have, with their distribution behind it.
import type { BehaviorSubject } from 'rxjs';
import type { Session } from '../session.js';
import { element, followSize, onNextFrame } from './dom.js';
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
import type { PlotAxes } from './latent-plot.js';
import { type DensityProfile, densityProfile } from './local-density.js';
import { canvasColours, type Theme } from './theme.js';

/** Marked under each slider. */
const TICKS = [0.05, 0.25, 0.5, 0.75, 0.95];
const STEPS = 1000;

interface Row {
  element: HTMLElement;
  canvas: HTMLCanvasElement;
  slider: HTMLInputElement;
  number: HTMLInputElement;
  range: [number, number];
  neutral: number;
  profile: DensityProfile;
  ticks: number[];
}

export class Coordinates {
  private rows: Row[] = [];
  private readonly list = element('div', { class: 'coordinates' });
  private readonly neutral = element(
    'button',
    { type: 'button', title: 'Go to z = 0, the neutral model: what the decoder gives before any motion', onclick: () => this.goNeutral() },
    'Neutral',
  );
  private readonly askValues = onNextFrame(() => this.showValues());
  private readonly askStrips = onNextFrame(() => this.paintStrips());

  constructor(
    private readonly host: HTMLElement,
    private readonly session: Session,
    private readonly axes$: BehaviorSubject<PlotAxes>,
    private readonly theme$: BehaviorSubject<Theme>,
    private readonly onGrab: () => void,
  ) {
    host.append(
      element('div', { class: 'bar' }, element('h2', {}, 'Latent coordinates'), element('span', { class: 'push' }), this.neutral),
      this.list,
    );
    session.cloud$.subscribe(() => this.rebuild());
    axes$.subscribe(() => this.rebuild());
    session.z$.subscribe(() => this.askValues());
    theme$.subscribe(() => this.askStrips());
  }

  /** Under a UMAP, which has no coordinates of its own to move along, those of the network. */
  private get basis(): Basis {
    const { basis } = this.axes$.value;
    return basis === 'umap' ? 'latent' : basis;
  }

  private goNeutral(): void {
    this.onGrab();
    this.session.moveTo(new Array<number>(this.session.z$.value.length).fill(0), false);
  }

  private rebuild(): void {
    const cloud = this.session.cloud$.value;
    this.host.hidden = !cloud;
    const dims = cloud?.dims ?? 0;
    if (dims !== this.rows.length) {
      this.rows = Array.from({ length: dims }, (_, k) => this.makeRow(k));
      this.list.replaceChildren(...this.rows.map(row => row.element));
    }
    if (cloud) for (const [k, row] of this.rows.entries()) this.measure(row, cloud, k);
    this.askValues();
    this.askStrips();
  }

  private measure(row: Row, cloud: LatentCloud, k: number): void {
    const { basis } = this;
    const values = coordinateOfAll(cloud, basis, k);
    row.neutral = toBasis(new Float32Array(cloud.dims), basis, cloud.pca)[k];
    row.range = shownRange(values, row.neutral);
    row.profile = densityProfile(values, ...row.range, 96);
    row.ticks = quantiles(values, TICKS);
    const name = coordinateName(basis, k);
    row.element.firstElementChild!.textContent = name;
    const variances = cloud.pca.variances;
    const share = (100 * variances[k]) / (variances.reduce((a, b) => a + b, 0) || 1);
    row.element.title =
      basis === 'pca' ? `${name}: ${share.toFixed(share < 10 ? 1 : 0)} % of the variance of the latents` : `Latent coordinate ${name}`;
    row.slider.setAttribute('aria-label', `Latent coordinate ${name}`);
    row.number.setAttribute('aria-label', `Value of ${name}`);
  }

  private makeRow(k: number): Row {
    const slider = element('input', { type: 'range', min: 0, max: STEPS, step: 'any' });
    const number = element('input', { type: 'number', step: 'any' });
    const canvas = element('canvas', { 'aria-hidden': true });
    const row: Row = {
      element: element(
        'div',
        { class: 'coordinate' },
        element('span', { class: 'name' }),
        element('div', { class: 'strip' }, canvas, slider),
        number,
      ),
      canvas,
      slider,
      number,
      range: [-1, 1],
      neutral: 0,
      profile: { from: -1, to: 1, bins: new Float32Array(1) },
      ticks: [],
    };
    const place = () => row.range[0] + (Number(slider.value) / STEPS) * (row.range[1] - row.range[0]);
    slider.addEventListener('input', () => this.move(k, place(), true));
    slider.addEventListener('change', () => this.session.release());
    slider.addEventListener('keydown', event => {
      // The browser's own step of `any` is too fine to be seen.
      const direction = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
      if (!direction) return;
      event.preventDefault();
      slider.value = String(Number(slider.value) + direction * (event.shiftKey ? 50 : 10));
      this.move(k, place(), false);
    });
    number.addEventListener('change', () => {
      const value = Number(number.value);
      if (number.value !== '' && Number.isFinite(value)) this.move(k, value, false);
      this.askValues();
    });
    followSize(canvas, this.askStrips);
    return row;
  }

  private move(k: number, value: number, live: boolean): void {
    const cloud = this.session.cloud$.value;
    if (!cloud) return;
    this.onGrab();
    this.session.moveTo(withCoordinates(this.session.z$.value, this.basis, cloud.pca, new Map([[k, value]])), live);
  }

  private showValues(): void {
    const cloud = this.session.cloud$.value;
    const z = this.session.z$.value;
    if (!cloud || z.length !== this.rows.length) return;
    const coordinates = toBasis(z, this.basis, cloud.pca);
    const widest = Math.max(...this.rows.map(({ range: [from, to] }) => to - from));
    const decimals = widest < 1 ? 4 : 3;
    this.rows.forEach((row, k) => {
      const [from, to] = row.range;
      const fixed = coordinates[k].toFixed(decimals);
      const text = Number(fixed) === 0 ? fixed.replace('-', '') : fixed;
      if (document.activeElement !== row.slider) row.slider.value = String(((coordinates[k] - from) / (to - from)) * STEPS);
      if (document.activeElement !== row.number) row.number.value = text;
      row.slider.setAttribute('aria-valuetext', text);
    });
  }

  private paintStrips(): void {
    const colours = canvasColours(this.theme$.value);
    for (const { canvas, profile, range, ticks, neutral } of this.rows) {
      if (!canvas.width) continue;
      const context = canvas.getContext('2d')!;
      const { clientWidth: width, clientHeight: height } = canvas;
      // A range input's thumb moves between half its own width from either end.
      const inset = 7;
      const at = (value: number) => inset + ((value - range[0]) / (range[1] - range[0])) * (width - 2 * inset);
      context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
      context.clearRect(0, 0, width, height);
      const base = height - 5;
      context.fillStyle = colours.accent;
      context.globalAlpha = 0.22;
      context.beginPath();
      context.moveTo(inset, base);
      profile.bins.forEach((bin, i) => {
        context.lineTo(inset + ((i + 0.5) / profile.bins.length) * (width - 2 * inset), base - bin * (base - 2));
      });
      context.lineTo(width - inset, base);
      context.fill();
      context.globalAlpha = 1;
      context.fillStyle = colours.line;
      context.fillRect(inset, base, width - 2 * inset, 1);
      context.fillStyle = colours.muted;
      ticks.forEach((tick, i) => {
        const tall = TICKS[i] === 0.5;
        context.fillRect(Math.round(at(tick)), base, 1, tall ? 5 : 3);
      });
      context.fillStyle = colours.ink;
      context.fillRect(Math.round(at(neutral)) - 0.5, 1, 1, base);
    }
  }
}
