// `npm run accuracy`: trains on sets of known truth with the program's own defaults and prints one table of how right it is, beside an oracle.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Reporter } from '../../daemon/training/progress.js';
import { simulatedTrial } from './simulated.js';
import type { Trial, TrialContext } from './trial.js';
import { hasTwoStates, TWO_STATES_CHOICES, twoStatesTrial } from './two-states.js';

const SETS = ['linear', 'cyclic', 'mixture', '50S'] as const;
const HELP = `npm run accuracy -- [--sets ${SETS.join(',')}] [--seeds 1,2,3] [--epochs N] [--threads N] [--json]
  --sets     which sets [all; 50S only where ../shared/data is]
  --seeds    seeds of data and training; all but linear take the first [1,2,3]
  --epochs   instead of the default of the program or set
  --threads  processor threads [all]
  --json     one JSON object a trial instead of the table
Exit status 1 when a figure misses its threshold.`;

const values = readOptions();
if (values.help) {
  console.log(HELP);
  process.exit(0);
}
const sets = values.sets?.split(',') ?? SETS.filter(set => set !== '50S' || hasTwoStates());
const seeds = wholeNumbers('--seeds', values.seeds);
const epochs = values.epochs === undefined ? null : wholeNumbers('--epochs', values.epochs)[0];
const threads = values.threads === undefined ? null : wholeNumbers('--threads', values.threads)[0];
const unknown = sets.find(set => !SETS.includes(set as (typeof SETS)[number]));
if (unknown !== undefined) refuse(`--sets ${unknown} is unknown; take some of ${SETS.join(',')}`);
if (sets.includes('50S') && !hasTwoStates()) refuse('--sets 50S needs ../shared/data/tomodrgn-10076, which is not there');
if (!values.sets && !hasTwoStates()) console.error('50S is left out: ../shared/data/tomodrgn-10076 is not there');

const planned: ((context: TrialContext) => Promise<Trial>)[] = sets.flatMap(set => {
  if (set === 'linear') return seeds.map(seed => (context: TrialContext) => simulatedTrial('linear', seed, context));
  if (set === '50S') return TWO_STATES_CHOICES.map(choice => (context: TrialContext) => twoStatesTrial(choice, seeds[0], context));
  return [(context: TrialContext) => simulatedTrial(set as 'cyclic' | 'mixture', seeds[0], context)];
});
const trials: Trial[] = [];
for (const run of planned) {
  const folder = mkdtempSync(join(tmpdir(), 'limber-accuracy-'));
  try {
    const trial = await run({ folder: join(folder, 'trial'), threads, epochs, reporter: reporter() });
    trials.push(trial);
    if (values.json) console.log(JSON.stringify({ ...trial, passed: failures(trial).length === 0 }));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
if (!values.json) console.log(table(trials));
const failed = trials.flatMap(failures);
for (const line of failed) console.error(line);
process.exit(failed.length > 0 ? 1 : 0);

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        sets: { type: 'string' },
        seeds: { type: 'string', default: '1,2,3' },
        epochs: { type: 'string' },
        threads: { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    return values;
  } catch (error) {
    return refuse(`${(error as Error).message.split('. ')[0]}; --help shows what there is`);
  }
}

/** Only what changes the outcome is worth a line here. */
function reporter(): Reporter {
  let stage = '';
  return {
    progress(now) {
      if (now !== stage && process.stderr.isTTY) process.stderr.write(`\r\x1b[K${now}`);
      stage = now;
    },
    epoch() {},
    note() {},
  };
}

function failures({ set, settings, seconds, mostSeconds, figures }: Trial): string[] {
  const missed = figures.flatMap(({ measure, value, threshold }) =>
    threshold !== null && !(value >= threshold) ? [`${set} (${settings}): ${measure} is ${value.toFixed(3)}, below ${threshold}`] : [],
  );
  return mostSeconds !== null && seconds > mostSeconds
    ? [...missed, `${set} (${settings}): ${seconds.toFixed(0)} s, more than ${mostSeconds}`]
    : missed;
}

function table(all: readonly Trial[]): string {
  const rows = [
    ['set', 'settings', 'measure', 'limber', 'oracle', 'chance', 'threshold', 'seconds'],
    ...all.flatMap(trial =>
      trial.figures.map(({ measure, value, oracle, chance, threshold }, i) => [
        i === 0 ? trial.set : '',
        i === 0 ? trial.settings : '',
        measure,
        value.toFixed(3),
        oracle?.toFixed(3) ?? '',
        chance.toFixed(2),
        threshold?.toFixed(2) ?? '',
        i === 0 ? trial.seconds.toFixed(0) : '',
      ]),
    ),
  ];
  const widths = rows[0].map((_, c) => Math.max(...rows.map(row => row[c].length)));
  const line = (row: string[]) => `| ${row.map((cell, c) => (c < 3 ? cell.padEnd(widths[c]) : cell.padStart(widths[c]))).join(' | ')} |`;
  const rule = `| ${widths.map((width, c) => (c < 3 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  return [line(rows[0]), rule, ...rows.slice(1).map(line)].join('\n');
}

function wholeNumbers(flag: string, text: string): number[] {
  const numbers = text.split(',').map(Number);
  if (!numbers.every(value => Number.isInteger(value) && value >= 0))
    refuse(`${flag} ${text}: give whole numbers, with commas between them`);
  return numbers;
}

function refuse(message: string): never {
  console.error(message);
  process.exit(2);
}
