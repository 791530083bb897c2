// The training curve: mean ring correlation (FRC) of the particles after each epoch, drawn as it grows.
import type { BehaviorSubject } from 'rxjs';
import type { EpochRow } from '../../protocol/messages.js';
import type { Session } from '../session.js';
import { drawAxes } from './axis-drawing.js';
import { element, followSize, onAny, onNextFrame, setText } from './dom.js';
import { type PlotView, toScreen } from './plot-view.js';
import { canvasColours, type Theme } from './theme.js';

const MARGIN = { left: 44, right: 10, top: 8, bottom: 19 };

/** `about 3 min left`, from the median time of the last epochs; empty when there is nothing left. */
export function timeLeft(epochs: readonly EpochRow[], total: number): string {
  const left = total - (epochs.at(-1)?.epoch ?? 0);
  if (left <= 0 || !epochs.length) return '';
  const times = epochs
    .slice(-5)
    .map(row => row.seconds)
    .sort((a, b) => a - b);
  const seconds = left * times[times.length >> 1];
  if (seconds < 90) return `about ${Math.max(1, Math.round(seconds))} s left`;
  return seconds < 5400 ? `about ${Math.round(seconds / 60)} min left` : `about ${(seconds / 3600).toFixed(1)} h left`;
}

export class TrainingCurve {
  private readonly canvas = element('canvas', { role: 'img' });
  private readonly empty = element('div', { class: 'curve-empty' });
  private readonly reading = element('span', { class: 'value push' });
  private hovered: EpochRow | null = null;
  private view: PlotView = { x0: 0, x1: 1, y0: 0, y1: 1, width: 1, height: 1 };
  private readonly ask = onNextFrame(() => this.paint());

  constructor(
    host: HTMLElement,
    private readonly session: Session,
    private readonly theme$: BehaviorSubject<Theme>,
  ) {
    host.append(
      element(
        'div',
        { class: 'bar' },
        element(
          'h2',
          { title: 'Fourier ring correlation between the particles and the projections of their own decoded models' },
          'Training',
        ),
        this.reading,
      ),
      element('div', { class: 'curve' }, this.canvas, this.empty),
    );
    followSize(this.canvas, this.ask);
    onAny([session.epochs$, session.run$, theme$], this.ask);
    this.canvas.addEventListener('pointermove', event => this.hover(event.offsetX - MARGIN.left));
    this.canvas.addEventListener('pointerleave', () => this.hover(null));
  }

  private hover(px: number | null): void {
    const epoch = px === null ? null : this.view.x0 + (px / this.view.width) * (this.view.x1 - this.view.x0);
    const rows = this.session.epochs$.value;
    const nearest =
      epoch === null || !rows.length ? null : rows.reduce((a, b) => (Math.abs(b.epoch - epoch) < Math.abs(a.epoch - epoch) ? b : a));
    if (nearest === this.hovered) return;
    this.hovered = nearest;
    this.ask();
  }

  private tell(): void {
    const rows = this.session.epochs$.value;
    const run = this.session.run$.value;
    const row = this.hovered && rows.includes(this.hovered) ? this.hovered : rows.at(-1);
    if (!run || !row) setText(this.reading, '');
    else if (this.hovered) setText(this.reading, `epoch ${row.epoch} · FRC ${row.frc.toFixed(4)} · ${row.seconds.toFixed(1)} s`);
    else {
      const left = run.state === 'training' ? timeLeft(rows, run.epochs) : '';
      setText(this.reading, [`epoch ${row.epoch} of ${run.epochs}`, `FRC ${row.frc.toFixed(4)}`, left].filter(Boolean).join(' · '));
    }
    this.empty.hidden = rows.length > 0;
    const waiting =
      run?.state === 'training' ? 'The curve starts after the first epoch.' : run ? 'This run has no finished epoch.' : 'No run yet.';
    setText(this.empty, waiting);
    this.canvas.setAttribute(
      'aria-label',
      rows.length
        ? `FRC per epoch: ${rows[0].frc.toFixed(4)} after epoch ${rows[0].epoch}, ${rows.at(-1)!.frc.toFixed(4)} after epoch ${rows.at(-1)!.epoch}`
        : waiting,
    );
  }

  private paint(): void {
    this.tell();
    const { canvas, session } = this;
    const { clientWidth, clientHeight } = canvas;
    const context = canvas.getContext('2d')!;
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    context.clearRect(0, 0, clientWidth, clientHeight);
    const rows = session.epochs$.value;
    if (!rows.length || !clientWidth) return;
    const colours = canvasColours(this.theme$.value);
    const values = rows.map(row => row.frc);
    const low = Math.min(...values);
    const high = Math.max(...values);
    const margin = Math.max(0.002, 0.12 * (high - low));
    const last = Math.max(session.run$.value?.epochs ?? 0, rows.at(-1)!.epoch);
    this.view = {
      x0: Math.min(1, rows[0].epoch),
      x1: Math.max(2, last),
      y0: low - margin,
      y1: high + margin,
      width: clientWidth - MARGIN.left - MARGIN.right,
      height: clientHeight - MARGIN.top - MARGIN.bottom,
    };
    const { view } = this;
    context.translate(MARGIN.left, MARGIN.top);
    drawAxes(
      context,
      view,
      { xName: 'epoch', yName: 'FRC', left: MARGIN.left, bottom: MARGIN.bottom, gridX: false, wholeX: true },
      colours,
    );
    context.strokeStyle = context.fillStyle = colours.accent;
    context.lineWidth = 1.8;
    context.lineJoin = 'round';
    context.beginPath();
    for (const row of rows) context.lineTo(...toScreen(view, [row.epoch, row.frc]));
    context.stroke();
    const dot = this.hovered && rows.includes(this.hovered) ? this.hovered : rows.at(-1)!;
    context.beginPath();
    context.arc(...toScreen(view, [dot.epoch, dot.frc]), 3.5, 0, 2 * Math.PI);
    context.fill();
  }
}
