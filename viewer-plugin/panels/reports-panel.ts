// What was found out about a finished run: how far two independent halves agree, and how much its orientations changed.
import type { HalvesSummary, OrientationSummary } from '../../protocol/messages.js';
import type { Session } from '../session.js';
import { element, formatNumber } from './dom.js';

const percent = (share: number | null) => (share === null ? '–' : `${formatNumber(100 * share, Math.abs(share) < 0.995 ? 1 : 0)} %`);
const figure = (value: number | null, decimals: number) => (value === null ? '–' : formatNumber(value, decimals));

interface Line {
  name: string;
  text: string;
  hint: string;
}

/** The figures of a comparison, a line each, without the states. */
export function describeHalves({ latentsExplained, latentsByChance, clusters, motion }: HalvesSummary): Line[] {
  const lines: Line[] = [
    {
      name: 'Latents',
      text: `${latentsExplained.map(percent).join(' and ')} told by the other half (by chance ${percent(latentsByChance)})`,
      hint: 'Share of the variance of either model’s latents that the other’s tell through a smooth map, on particles that the map has not seen',
    },
    {
      name: 'Clusters',
      text: `${clusters.count}, adjusted Rand index ${figure(clusters.adjustedRandIndex, 3)} (clustered anew ${figure(clusters.adjustedRandIndexAnew, 3)})`,
      hint: 'Whether both models put the same particles together: 1 is always, 0 is by chance',
    },
  ];
  if (motion)
    lines.push({
      name: 'Motion',
      text: `${motion.rmsAngstrom.map(value => figure(value, 2)).join(' and ')} Å, correlated by ${figure(motion.correlation, 3)}, ${figure(motion.disagreementAngstrom, 2)} Å apart`,
      hint: 'Root mean square displacement between pairs of particles by either model, and of their difference',
    });
  return lines;
}

/** One sentence about refined orientations. */
export function describeOrientations({
  particles,
  against,
  medianDegrees,
  degrees95,
  medianAngstrom,
  angstrom95,
  frcBefore,
  frcAfter,
  inheritedFrom,
}: OrientationSummary): string {
  const whose = inheritedFrom === null ? '' : `Taken over from ${inheritedFrom}: `;
  return (
    `${whose}${formatNumber(particles)} particles turned by ${medianDegrees.toFixed(2)}° (95 %: ${degrees95.toFixed(2)}°) and shifted by ` +
    `${medianAngstrom.toFixed(2)} Å (95 %: ${angstrom95.toFixed(2)} Å), medians; FRC${against === 'neutral' ? ' with the neutral model' : ''} ${frcBefore.toFixed(4)} → ${frcAfter.toFixed(4)}`
  );
}

const COLUMNS: { name: string; hint: string }[] = [
  { name: 'State', hint: 'A cluster of half 1’s latents' },
  { name: 'Half 1', hint: 'Particles of half 1 in it, and their share' },
  { name: 'Half 2', hint: 'Particles of half 2 that the map puts in it, and their share' },
  { name: 'FSC 0.143', hint: 'Where the correlation of the two maps falls below 0.143, Å' },
  { name: '0.5', hint: 'Where it falls below 0.5, Å' },
  {
    name: 'Own',
    hint: 'Correlation between the halves of what sets the state apart from the mean of all; behind the stroke the highest with another state',
  },
];

export function reportsPanel(host: HTMLElement, session: Session): void {
  const { halves$, orientations$ } = session.reports;
  const orientations = element('p');
  const orientationsPart = element('div', {}, element('h2', {}, 'Orientations'), orientations);
  const halvesTitle = element('span', { class: 'value push' });
  const lines = element('dl');
  const states = element('tbody');
  const table = element(
    'table',
    {},
    element('thead', {}, element('tr', {}, ...COLUMNS.map(({ name, hint }) => element('th', { scope: 'col', title: hint }, name)))),
    states,
  );
  const halvesPart = element('div', {}, element('div', { class: 'bar' }, element('h2', {}, 'Halves'), halvesTitle), lines, table);
  host.append(orientationsPart, halvesPart);

  const showOrHide = () => {
    orientationsPart.hidden = !orientations$.value;
    halvesPart.hidden = !halves$.value;
    host.hidden = !orientations$.value && !halves$.value;
  };
  orientations$.subscribe(report => {
    orientations.textContent = report ? describeOrientations(report) : '';
    showOrHide();
  });
  halves$.subscribe(report => {
    showOrHide();
    if (!report) return;
    halvesTitle.textContent = `${report.particles.map(count => formatNumber(count)).join(' and ')} particles`;
    lines.replaceChildren(
      ...describeHalves(report).flatMap(({ name, text, hint }) => [
        element('dt', { title: hint }, name),
        element('dd', { title: hint }, text),
      ]),
    );
    states.replaceChildren(
      ...report.states.map(({ state, entries, share, resolutionAngstrom, resolutionAtHalfAngstrom, difference, differenceToOthers }) =>
        element(
          'tr',
          {},
          ...[
            String(state),
            `${formatNumber(entries[0])} · ${percent(share[0])}`,
            `${formatNumber(entries[1])} · ${percent(share[1])}`,
            resolutionAngstrom === null ? '–' : `${resolutionAngstrom.toFixed(1)} Å`,
            resolutionAtHalfAngstrom === null ? '–' : `${resolutionAtHalfAngstrom.toFixed(1)} Å`,
            difference === null ? '–' : `${figure(difference, 2)} | ${figure(differenceToOthers, 2)}`,
          ].map(text => element('td', {}, text)),
        ),
      ),
    );
  });
}
