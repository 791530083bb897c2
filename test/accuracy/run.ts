// `npm run accuracy`: trains on sets of known truth with the program's own defaults and prints one table of how right it is, beside an oracle.

import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { InputError } from '../../daemon/formats/input-error.js';
import { parameters } from '../../daemon/settings/settings.js';
import type { Reporter } from '../../daemon/training/progress.js';
import { appendResult, isSame, type Result, readResults } from './results.js';
import { type AccuracySet, SETS, setsNamed } from './sets.js';
import { failures, summary, table } from './table.js';

const HELP = `npm run accuracy -- [--sets NAMES] [--seeds 1,2,3] [--epochs N] [--backend NAMES] [--threads N] [--results FILE [--resume]] [--json]
  --sets     which sets, by name or by a word of their names [all that can be measured here]
             ${SETS.map(({ name }) => name).join(', ')}
  --seeds    seeds of data and training; the sets of fixed data take the first [1,2,3]
  --epochs   instead of the default of the program or set
  --backend  what computes, as of limber train: webgpu, tfjs or cpu, or some of them, each trial by each [the fastest that works]
  --threads  processor threads [all]
  --results  a file that keeps every finished trial, a JSON object a line
  --resume   go on with that file: what it holds is not measured again, and is in the table
  --json     one JSON object a trial on standard output instead of the table
Exit status 1 when a figure misses what is asked of it.`;

const values = readOptions();
if (values.help) {
  console.log(HELP);
  process.exit(0);
}
const sets = chooseSets();
const seeds = wholeNumbers('--seeds', values.seeds);
const epochs = values.epochs === undefined ? null : wholeNumbers('--epochs', values.epochs)[0];
const threads = values.threads === undefined ? null : wholeNumbers('--threads', values.threads)[0];
const backends = chooseBackends();
const results = readEarlier();
const errors: string[] = [];
let folder: string | null = null;
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    if (folder !== null) rmSync(folder, { recursive: true, force: true });
    process.exit(130);
  });

for (const set of sets) {
  for (const seed of set.isSeeded ? seeds : seeds.slice(0, 1)) {
    for (const backend of backends) {
      if (results.some(result => isSame(result, { set: set.name, seed, epochs, backend }))) continue;
      const result = await measure(set, seed, backend);
      if (result === null) continue;
      results.push(result);
      if (values.results !== undefined) appendResult(values.results, result);
      if (values.json) console.log(JSON.stringify({ ...result, passed: failures(result.trial).length === 0 }));
      report(summary(result.trial));
    }
  }
}

const place = ({ set }: Result) => SETS.findIndex(({ name }) => name === set);
const trials = results.sort((a, b) => place(a) - place(b) || a.seed - b.seed).map(({ trial }) => trial);
if (!values.json) console.log(table(trials));
const failed = [...trials.flatMap(failures), ...errors];
for (const line of failed) console.error(line);
process.exit(failed.length > 0 ? 1 : 0);

/** null where the trial came to no end; the others are measured all the same. */
async function measure(set: AccuracySet, seed: number, backend: string | undefined): Promise<Result | null> {
  folder = mkdtempSync(join(tmpdir(), 'limber-accuracy-'));
  const title = `${set.name}, seed ${seed}${backend === undefined ? '' : `, ${backend}`}`;
  try {
    const context = {
      folder: join(folder, 'trial'),
      threads,
      epochs,
      backend: backend ?? null,
      reporter: reporter(title),
    };
    return { set: set.name, seed, epochs, backend, trial: await set.trial(seed, context) };
  } catch (error) {
    errors.push(`${title}: ${(error as Error).message}`);
    report(`${title} failed: ${(error as Error).stack}`);
    return null;
  } finally {
    rmSync(folder, { recursive: true, force: true });
    folder = null;
  }
}

/** A line that stays. */
function report(line: string): void {
  process.stderr.write(`${process.stderr.isTTY ? '\r\x1b[K' : ''}${line}\n`);
}

/** On a terminal, what is being done now; a line that goes. */
function reporter(title: string): Reporter {
  let stage = '';
  return {
    progress(now) {
      if (now !== stage && process.stderr.isTTY) process.stderr.write(`\r\x1b[K${title}: ${now}`);
      stage = now;
    },
    epoch() {},
    note() {},
  };
}

/** What was asked for; without that, all that can be measured here, with a line on what is left out. */
function chooseSets(): readonly AccuracySet[] {
  const chosen = values.sets === undefined ? SETS : [...new Set(values.sets.split(',').flatMap(named))];
  const gaps = new Map<string, string[]>();
  for (const set of chosen) {
    const missing = set.missing();
    if (missing !== null) gaps.set(missing, [...(gaps.get(missing) ?? []), set.name]);
  }
  for (const [missing, names] of gaps) {
    const line = `${names.join(', ')}: left out, since ${missing}`;
    if (values.sets !== undefined) refuse(line);
    console.error(line);
  }
  return chosen.filter(set => set.missing() === null);
}

/** undefined: what the program takes by itself. */
function chooseBackends(): readonly (string | undefined)[] {
  if (values.backend === undefined) return [undefined];
  const names = values.backend.split(',').map(name => name.trim());
  const { choices } = parameters.backend;
  const unknown = names.find(name => !choices.some(choice => choice === name));
  return unknown === undefined ? names : refuse(`--backend ${unknown} is unknown; take some of ${choices.join(', ')}`);
}

function named(word: string): AccuracySet[] {
  const found = setsNamed(word.trim());
  if (found.length === 0) refuse(`--sets ${word} is unknown; take some of ${SETS.map(({ name }) => name).join(', ')}, or words of them`);
  return found;
}

function readEarlier(): Result[] {
  if (values.results === undefined) return values.resume ? refuse('--resume needs --results FILE: the file to go on with') : [];
  if (!values.resume && existsSync(values.results))
    refuse(`--results ${values.results} is there already; add --resume to go on with it, or give another name`);
  try {
    return readResults(values.results);
  } catch (error) {
    if (error instanceof InputError) refuse(error.message);
    throw error;
  }
}

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        sets: { type: 'string' },
        seeds: { type: 'string', default: '1,2,3' },
        epochs: { type: 'string' },
        backend: { type: 'string' },
        threads: { type: 'string' },
        results: { type: 'string' },
        resume: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    return values;
  } catch (error) {
    return refuse(`${(error as Error).message.split('. ')[0]}; --help shows what there is`);
  }
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
