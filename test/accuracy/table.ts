// The table of `npm run accuracy`, and which of its figures fall short.

import type { Figure, Trial } from './trial.js';

function reaches({ value, threshold, better }: Figure): boolean {
  return threshold === null || (better === 'lower' ? value <= threshold : value >= threshold);
}

/** A line for everything that a trial misses. */
export function failures({ set, settings, seconds, mostSeconds, figures }: Trial): string[] {
  const missed = figures
    .filter(figure => !reaches(figure))
    .map(
      ({ measure, value, threshold, better }) =>
        `${set} (${settings}): ${measure} is ${value.toFixed(3)}, ${better === 'lower' ? 'above' : 'below'} ${threshold?.toFixed(3)}`,
    );
  return mostSeconds !== null && seconds > mostSeconds
    ? [...missed, `${set} (${settings}): ${seconds.toFixed(0)} s, more than ${mostSeconds}`]
    : missed;
}

/** Every figure of a trial in one line, for whoever watches. */
export function summary({ set, settings, figures, seconds }: Trial): string {
  return `${set} (${settings}): ${figures.map(({ measure, value }) => `${measure} ${value.toFixed(3)}`).join('; ')}; ${seconds.toFixed(0)} s`;
}

/** In Markdown, a row a figure. */
export function table(all: readonly Trial[]): string {
  const rows = [
    ['set', 'settings', 'measure', 'limber', 'oracle', 'chance', 'asked', 'reached', 'seconds'],
    ...all.flatMap(trial =>
      trial.figures.map((figure, i) => [
        i === 0 ? trial.set : '',
        i === 0 ? trial.settings : '',
        figure.measure,
        figure.value.toFixed(3),
        figure.oracle?.toFixed(3) ?? '',
        figure.chance?.toFixed(2) ?? '',
        figure.threshold === null ? '' : `${figure.better === 'lower' ? '≤' : '≥'} ${figure.threshold.toFixed(3)}`,
        figure.threshold === null ? '' : reaches(figure) ? 'yes' : 'NO',
        i === 0 ? trial.seconds.toFixed(0) : '',
      ]),
    ),
  ];
  const widths = rows[0].map((_, c) => Math.max(...rows.map(row => row[c].length)));
  const line = (row: string[]) => `| ${row.map((cell, c) => (c < 3 ? cell.padEnd(widths[c]) : cell.padStart(widths[c]))).join(' | ')} |`;
  const rule = `| ${widths.map((width, c) => (c < 3 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  return [line(rows[0]), rule, ...rows.slice(1).map(line)].join('\n');
}
