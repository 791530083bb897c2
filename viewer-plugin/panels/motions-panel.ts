// Regions of the molecule in numbers: how each turns and goes from A to B, and the motions that it has to itself, which can be laid on the path.
import type { RegionTurn, StepMotion } from '../../protocol/messages.js';
import type { PathLoop } from '../path-loop.js';
import type { Session } from '../session.js';
import { element, onAny, setOptions, setText } from './dom.js';
import { RegionMarker } from './region-marker.js';

const withError = (value: number, error: number | null, decimals: number) =>
  `${value.toFixed(decimals)}${error === null ? '' : ` ± ${error.toFixed(decimals)}`}`;

/** `head turns by 8.2 ± 0.3°; its centre moves 3.1 ± 0.2 Å, 0.4 Å not rigid` */
export function describeTurn({
  region,
  angleDegrees,
  shiftAngstrom,
  residualAngstrom,
  errorAngstrom,
  angleErrorDegrees,
}: RegionTurn): string {
  const shift = withError(Math.hypot(...shiftAngstrom), errorAngstrom, 1);
  return `${region} turns by ${withError(angleDegrees, angleErrorDegrees, 1)}°; its centre moves ${shift} Å, ${residualAngstrom.toFixed(1)} Å not rigid`;
}

/** `about (0.00, 1.00, 0.00) through (80.0, 50.0, 26.0) Å`, what a tooltip has room for. */
export function describeAxis({ axis, axisPoint }: RegionTurn): string {
  const numbers = (values: readonly number[], decimals: number) =>
    values.map(value => value.toFixed(decimals).replace('-', '−')).join(', ');
  return `about (${numbers(axis, 2)})${axisPoint ? ` through (${numbers(axisPoint, 1)}) Å` : ''}`;
}

/** `12.4° · 6.6 Å, elsewhere 0.3 Å` */
export function describeStep({ insideAngstrom, outsideAngstrom, turns }: StepMotion): string {
  const inside = turns.map(({ angleDegrees }, k) => `${angleDegrees.toFixed(1)}° · ${insideAngstrom[k].toFixed(1)} Å`).join(' and ');
  return `${inside}, elsewhere ${outsideAngstrom.toFixed(1)} Å`;
}

export function motionsPanel(host: HTMLElement, session: Session, loop: PathLoop): void {
  const { motions } = session;
  const picker = (label: string, title: string) => element('select', { class: 'grow', 'aria-label': label, title, onchange: choose });
  const first = picker('Region', 'The region whose motion is measured');
  const second = picker('Second region', 'Another region, to see both together and apart');
  const and = element('span', { class: 'value' }, 'and');
  const marker = new RegionMarker(session, name => {
    wanted = name;
    update();
  });
  const mark = element(
    'button',
    { type: 'button', title: 'Make a region of what is selected in the 3D view', onclick: () => marker.toggle() },
    'Mark region…',
  );
  const find = element(
    'button',
    {
      type: 'button',
      title: 'Find the latent directions along which the region moves and the rest stays',
      onclick: () => void motions.find(),
    },
    'Own motions',
  );
  const turns = element('div', { class: 'turns', role: 'status' });
  const steps = element('div', { class: 'steps' });
  host.append(
    element('div', { class: 'bar' }, element('h2', {}, 'Region'), first, and, second, mark),
    marker.host,
    turns,
    element('div', { class: 'bar own' }, find),
    steps,
  );
  /** A region that was just marked, until the project has it. */
  let wanted = '';

  function choose(): void {
    motions.choose([...new Set([first.value, second.value])].filter(Boolean));
  }

  function lay({ step }: StepMotion): void {
    loop.stop();
    session.setEnd(
      'A',
      Array.from(step, value => -value),
    );
    session.setEnd('B', Array.from(step));
    session.moveTo(
      Array.from(step, value => -value),
      false,
    );
    loop.play();
  }

  function update(): void {
    const regions = session.project$.value?.regions ?? [];
    const [a = '', b = ''] = motions.regions$.value;
    host.hidden = !session.cloud$.value;
    setOptions(
      first,
      [{ value: '', label: regions.length > 0 ? 'none' : 'none marked yet' }, ...regions.map(name => ({ value: name, label: name }))],
      a,
    );
    setOptions(second, [{ value: '', label: '–' }, ...regions.filter(name => name !== a).map(name => ({ value: name, label: name }))], b);
    first.disabled = regions.length === 0;
    second.hidden = and.hidden = regions.length < 2 || a === '';
    find.hidden = a === '';
    find.disabled = motions.asking$.value || session.link$.value !== 'open';
    if (wanted && regions.includes(wanted)) {
      const name = wanted;
      wanted = '';
      motions.choose([name]);
    }
  }

  function showTurns(): void {
    const between = motions.between$.value;
    const hasEnds = session.ends.A.value !== null && session.ends.B.value !== null;
    turns.hidden = motions.regions$.value.length === 0;
    turns.classList.toggle('refused', motions.refusal$.value !== null);
    if (!between) {
      const words = motions.refusal$.value ?? (hasEnds ? 'Measuring…' : 'Set A and B above to measure the way between them.');
      if (turns.children.length > 0 || turns.textContent !== words) turns.replaceChildren(words);
      return;
    }
    const halves = 'Errors: half of the difference of the two half-set models';
    turns.replaceChildren(
      ...between.regions.map(turn =>
        element(
          'p',
          { title: `${describeAxis(turn)}. ${turn.errorAngstrom === null ? 'Compare halves for an error' : halves}` },
          describeTurn(turn),
        ),
      ),
    );
  }

  function showSteps(): void {
    const own = motions.own$.value;
    setText(find, motions.asking$.value ? 'Finding…' : 'Own motions');
    steps.hidden = !own;
    if (!own) return;
    const names = motions.regions$.value;
    const all = [
      ...own.own.flatMap((found, k) =>
        found.map((motion, m) => ({
          name: `${names.length > 1 ? `${names[k]} ` : ''}${m + 1}`,
          title: `Own motion ${m + 1} of ${names[k]}`,
          motion,
        })),
      ),
      ...Object.entries(own.joint ?? {}).map(([name, motion]) => ({ name, title: `${names.join(' and ')} ${name}`, motion })),
    ];
    steps.replaceChildren(
      ...all.map(({ name, title, motion }) =>
        element(
          'button',
          { type: 'button', title: `${title}: lay it on the path and play it`, onclick: () => lay(motion) },
          element('strong', {}, name),
          ` ${describeStep(motion)}`,
        ),
      ),
    );
  }

  onAny([session.project$, session.cloud$, session.link$, motions.regions$, motions.asking$], update);
  onAny([motions.between$, motions.refusal$, motions.regions$, session.ends.A, session.ends.B], showTurns);
  onAny([motions.own$, motions.asking$], showSteps);
}
