// The panel under the path: straight or through dense regions, how it is getting on, and the profile along it, on which one can drag to move the molecule.
import type { BehaviorSubject } from 'rxjs';
import type { FoundPath } from '../../protocol/messages.js';
import { nearestOn, pointAt } from '../path-track.js';
import type { PathShape } from '../paths.js';
import type { Session } from '../session.js';
import { element, followSize, formatNumber, formatValue, onAny, onNextFrame, setText } from './dom.js';
import { drawProfile, PROFILE_MARGIN, profileView, unsupported } from './path-profile-drawing.js';
import { canvasColours, type Theme } from './theme.js';

/** A point so near to the path, over its length, is on it. */
const ON_PATH = 0.02;

const CAVEAT =
  '−ln of the density of particles along the path. It is a free energy in kT only as far as equal latent lengths mean equally much and particles were not selected; the band is the error from counting alone, and what is narrower than the blur is not told.';

/** What the figures under the profile say. */
export function describeFound({ counted, beyond, reach, track, leastSupport, longestLink, medianLink }: FoundPath): string {
  const gaps = unsupported(track.support, leastSupport).length;
  const within = reach === null ? 'along it' : `within ${formatValue(reach, 2)} of it`;
  return [
    `${formatNumber(counted)} particles ${within}${beyond > 0 ? `, ${formatNumber(beyond)} beyond its ends` : ''}`,
    ...(gaps > 0 ? [`hatched: fewer than ${leastSupport} particles, nothing can be said`] : []),
    ...(longestLink !== null && medianLink !== null && longestLink > 5 * medianLink ? ['it crosses a thin place'] : []),
    'a free energy in kT only as far as equal latent lengths mean equally much',
  ].join('; ');
}

export function pathProfilePanel(host: HTMLElement, session: Session, theme$: BehaviorSubject<Theme>, onGrab: () => void): void {
  const { paths } = session;
  const shapeButton = (shape: PathShape, label: string, title: string) =>
    element('button', { type: 'button', title, onclick: () => paths.choose(shape) }, label);
  const shapes = {
    line: shapeButton('line', 'straight', 'The straight line from A to B, wherever it leads'),
    dense: shapeButton(
      'dense',
      'through dense regions',
      'From neighbour to neighbour where particles are densest, so that nothing empty is crossed',
    ),
  };
  const stop = element('button', { type: 'button', class: 'quiet push', onclick: () => paths.choose('line') }, 'Stop');
  const progress = element('progress', { max: 1, 'aria-label': 'Finding the path' });
  const message = element('p', { class: 'path-message', role: 'status' });
  const canvas = element('canvas', { role: 'img', tabindex: 0 });
  const plot = element('div', { class: 'profile', title: CAVEAT }, canvas);
  const about = element('p', { class: 'path-about' });
  const bar = element(
    'div',
    { class: 'bar' },
    element('div', { class: 'segments', role: 'group', 'aria-label': 'Way from A to B' }, shapes.line, shapes.dense),
    stop,
  );
  const part = element('div', { class: 'path-profile' }, bar, progress, message, plot, about);
  host.append(part);

  const shareNow = (path: FoundPath): number | null => {
    const track = paths.track();
    const z = session.z$.value;
    if (!track || z.length !== path.dims) return null;
    const { share, distance } = nearestOn(track, z);
    return distance <= ON_PATH * path.track.lengths[path.track.lengths.length - 1] ? share : null;
  };
  const paint = onNextFrame(() => {
    const state = paths.state$.value;
    const context = canvas.getContext('2d')!;
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    context.clearRect(0, 0, canvas.clientWidth, canvas.clientHeight);
    if (state.kind !== 'found' || !canvas.clientWidth) return;
    const { path } = state;
    const share = shareNow(path);
    drawProfile(context, profileView(path, canvas.clientWidth, canvas.clientHeight), path, share, canvasColours(theme$.value));
  });
  const show = () => {
    const state = paths.state$.value;
    const shape = paths.shape$.value;
    part.hidden = state.kind === 'none';
    for (const [name, button] of Object.entries(shapes)) button.setAttribute('aria-pressed', String(name === shape));
    const finding = state.kind === 'finding';
    progress.hidden = !finding;
    stop.hidden = !finding || shape === 'line';
    if (finding && state.share !== null) progress.value = state.share;
    else progress.removeAttribute('value');
    plot.hidden = state.kind !== 'found';
    about.hidden = state.kind !== 'found';
    message.hidden = state.kind !== 'empty' && state.kind !== 'refused';
    message.classList.toggle('refused', state.kind === 'refused');
    if (state.kind === 'empty')
      setText(
        message,
        'No chain of neighbouring particles joins A and B: what lies between is empty. Take ends in one connected part of the cloud, or the straight way.',
      );
    if (state.kind === 'refused') setText(message, state.message);
    if (state.kind === 'found') {
      setText(about, describeFound(state.path));
      const known = [...state.path.track.freeEnergy].filter(Number.isFinite);
      canvas.setAttribute(
        'aria-label',
        `Minus ln density along the path from A to B, at most ${formatValue(Math.max(0, ...known), 2)}; ${describeFound(state.path)}`,
      );
    }
    paint();
  };
  followSize(canvas, paint);
  onAny([paths.state$, paths.shape$], show);
  onAny([session.z$, theme$], paint);

  const moveTo = (event: PointerEvent) => {
    const track = paths.track();
    if (!track) return;
    const width = canvas.clientWidth - PROFILE_MARGIN.left - PROFILE_MARGIN.right;
    const share = (event.clientX - canvas.getBoundingClientRect().left - PROFILE_MARGIN.left) / width;
    session.moveTo(pointAt(track, Math.min(1, Math.max(0, share))), true);
  };
  let dragging = false;
  canvas.addEventListener('pointerdown', event => {
    if (event.button !== 0) return;
    dragging = true;
    canvas.setPointerCapture(event.pointerId);
    onGrab();
    moveTo(event);
  });
  canvas.addEventListener('pointermove', event => dragging && moveTo(event));
  const end = () => {
    if (dragging) session.release();
    dragging = false;
  };
  canvas.addEventListener('pointerup', end);
  canvas.addEventListener('pointercancel', end);
  canvas.addEventListener('keydown', event => {
    const track = paths.track();
    const step = { ArrowLeft: -0.02, ArrowRight: 0.02 }[event.key];
    if (!track || !step) return;
    event.preventDefault();
    onGrab();
    session.moveTo(pointAt(track, Math.min(1, Math.max(0, nearestOn(track, session.z$.value).share + step))), true);
  });
  canvas.addEventListener('keyup', () => session.release());
}
