// Builds the panels' elements: plain DOM made once, then only changed in place.
import type { Observable, Subscription } from 'rxjs';

type Attributes = Record<string, string | number | boolean | ((event: Event) => void) | undefined>;

/** An element with attributes (`on…` functions become listeners, false and undefined are left out) and children. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') made.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== false) made.setAttribute(name, value === true ? '' : String(value));
  }
  made.append(...children);
  return made;
}

/** A button with an icon drawn as SVG path data on a 20 × 20 grid; `label` is its tooltip and accessible name. */
export function iconButton(label: string, path: string, onclick: () => void): HTMLButtonElement {
  const button = element('button', { class: 'icon', type: 'button', title: label, 'aria-label': label, onclick });
  button.innerHTML = `<svg viewBox="0 0 20 20" aria-hidden="true"><path d="${path}"/></svg>`;
  return button;
}

/** Text is only written when it differs, so that a subscription may call this every frame. */
export function setText(target: Element, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}

export function setOptions(select: HTMLSelectElement, options: readonly { value: string; label: string }[], selected: string): void {
  const wanted = JSON.stringify(options);
  if (select.dataset.options !== wanted) {
    select.dataset.options = wanted;
    select.replaceChildren(...options.map(({ value, label }) => element('option', { value }, label)));
  }
  select.value = selected;
}

/** Runs `work` once in the next animation frame, however often it is asked for. */
export function onNextFrame(work: () => void): () => void {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      work();
    });
  };
}

/** Keeps a canvas as large as its element, in device pixels; `drawn` is called after each change. */
export function followSize(canvas: HTMLCanvasElement, drawn: () => void): void {
  new ResizeObserver(() => {
    const { clientWidth, clientHeight } = canvas;
    const width = Math.round(clientWidth * devicePixelRatio);
    const height = Math.round(clientHeight * devicePixelRatio);
    if (!width || !height || (canvas.width === width && canvas.height === height)) return;
    canvas.width = width;
    canvas.height = height;
    drawn();
  }).observe(canvas);
}

/** Calls `work` whenever any of the observables emits. */
export function onAny(sources: readonly Observable<unknown>[], work: () => void): Subscription[] {
  return sources.map(source => source.subscribe(work));
}

/** A number for people: a real minus sign, and thousands set apart. */
export function formatNumber(value: number, decimals = 0): string {
  const text = value.toLocaleString('en-US', { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
  return (/[1-9]/.test(text) ? text : text.replace('-', '')).replace('-', '−');
}

/** `3 significant digits` without exponent where that stays short. */
export function formatValue(value: number, digits = 3): string {
  if (value === 0) return '0';
  const size = Math.abs(value);
  const text = size >= 1e5 || size < 1e-4 ? value.toExponential(digits - 1) : String(Number(value.toPrecision(digits)));
  return text.replaceAll('-', '−');
}
