// Two chosen latent points A and B: the loop between them, and the arrows from one to the other.
import { combineLatest } from 'rxjs';
import type { PathLoop } from '../path-loop.js';
import type { PathEnd, Session } from '../session.js';
import { element, formatValue, setText } from './dom.js';

const PLAY = '▶';
const PAUSE = '❚❚';

export function pathPanel(host: HTMLElement, session: Session, loop: PathLoop): void {
  const set = (end: PathEnd) =>
    element(
      'button',
      {
        type: 'button',
        class: `end end-${end.toLowerCase()}`,
        title: `Make the present latent point ${end}`,
        onclick: () => session.setEnd(end, session.z$.value),
      },
      `Set ${end}`,
    );
  const go = (end: PathEnd) =>
    element(
      'button',
      {
        type: 'button',
        class: 'quiet',
        title: `Go to ${end}`,
        'aria-label': `Go to ${end}`,
        onclick: () => {
          const z = session.ends[end].value;
          if (!z) return;
          loop.stop();
          session.moveTo(z, false);
        },
      },
      `→ ${end}`,
    );
  const setButtons = { A: set('A'), B: set('B') };
  const goButtons = { A: go('A'), B: go('B') };
  const play = element('button', { type: 'button', class: 'play', onclick: () => (loop.playing$.value ? loop.stop() : loop.play()) }, PLAY);
  // Slow at the left: the slider is the inverse of the seconds that one way takes.
  const pace = element('input', {
    type: 'range',
    min: 0,
    max: 100,
    value: 60,
    'aria-label': 'Pace of the loop',
    title: 'Pace of the loop',
  });
  const seconds = element('output', { class: 'value' });
  const setPace = () => {
    loop.legSeconds$.next(20 * 0.025 ** (Number(pace.value) / 100));
    setText(seconds, `${formatValue(loop.legSeconds$.value, 2)} s`);
    pace.setAttribute('aria-valuetext', `${formatValue(loop.legSeconds$.value, 2)} seconds from A to B`);
  };
  pace.addEventListener('input', setPace);
  setPace();
  const clear = element(
    'button',
    {
      type: 'button',
      class: 'quiet',
      title: 'Forget A and B',
      onclick: () => {
        loop.stop();
        session.setEnd('A', null);
        session.setEnd('B', null);
      },
    },
    'Clear',
  );
  host.append(
    element(
      'div',
      { class: 'bar path' },
      setButtons.A,
      goButtons.A,
      setButtons.B,
      goButtons.B,
      play,
      element('label', { class: 'pace' }, pace, seconds),
      clear,
    ),
  );

  combineLatest([session.ends.A, session.ends.B, session.cloud$, loop.playing$, session.paths.state$]).subscribe(
    ([a, b, cloud, playing]) => {
      host.hidden = !cloud;
      goButtons.A.hidden = !a;
      goButtons.B.hidden = !b;
      clear.hidden = !a && !b;
      play.disabled = !playing && session.paths.track() === null;
      setText(play, playing ? PAUSE : PLAY);
      const label = playing ? 'Stop the loop' : 'Play the path from A to B and back';
      play.title = a && b ? label : 'Set A and B first: then this plays the path between them';
      play.setAttribute('aria-label', label);
    },
  );
}
