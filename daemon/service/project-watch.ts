// Watches a project's folder for what training writes there, whether a job of this daemon or another process does it.
//
// It looks at modification times once a second, because notifications of the file system are lost on network drives.
import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { EpochRow, ProjectSummary, RunSummary } from '../../protocol/messages.js';
import type { ProjectFolder } from '../project/project-folder.js';
import { analysisFiles } from '../project/run-analyses.js';
import type { RunFolder } from '../project/run-folder.js';
import { fileVersion } from './file-version.js';
import { RequestError } from './request-error.js';

const INTERVAL_MS = 1000;

export interface WatchedRun {
  folder: RunFolder;
  summary: RunSummary;
  /** Change when the file is replaced; '' while it is not there. */
  weightsVersion: string;
  latentsVersion: string;
}

interface Entry extends WatchedRun {
  settingsVersion: string;
  lossesVersion: string;
  /** Of losses.tsv. */
  rows: EpochRow[];
  /** Told by a job of this daemon, not yet in the file: the file is written at checkpoints only. */
  toldRows: EpochRow[];
  /** Highest epoch that was announced. */
  announced: number;
}

interface Events {
  /** Something of the project's summary changed. */
  changed: [];
  epoch: [run: string, row: EpochRow, latentsReady: boolean];
  /** Everything was looked at once more. */
  looked: [];
}

export class ProjectWatch extends EventEmitter<Events> {
  neutral: ProjectSummary['neutral'] = null;
  private entries = new Map<string, Entry>();
  private neutralVersion = '';
  private timer: NodeJS.Timeout | null = null;

  constructor(readonly project: ProjectFolder) {
    super();
    this.look();
  }

  start(): void {
    this.timer = setInterval(() => this.look(), INTERVAL_MS);
  }

  stop(): void {
    if (this.timer) clearInterval(this.timer);
  }

  /** Throws RequestError `no-such-run`. Names are looked up among the runs that are there; none is made into a path. */
  run(name: string): WatchedRun {
    return this.entry(name);
  }

  summaries(): RunSummary[] {
    return [...this.entries.values()].map(entry => entry.summary);
  }

  /** The training curve so far. */
  epochs(name: string): EpochRow[] {
    const { rows, toldRows } = this.entry(name);
    return [...rows, ...toldRows];
  }

  /** A job of this daemon finished an epoch. */
  tell(name: string, row: EpochRow): void {
    this.look();
    const entry = this.entries.get(name);
    if (!entry || row.epoch <= lastEpoch([...entry.rows, ...entry.toldRows])) return;
    entry.toldRows.push(row);
    this.announce(entry, false);
  }

  /** A job begins: epochs that were told but never saved are going to be repeated. */
  forgetUnsaved(name: string): void {
    const entry = this.entries.get(name);
    if (!entry) return;
    entry.toldRows = [];
    entry.announced = Math.min(entry.announced, lastEpoch(entry.rows));
  }

  /** Reads what changed since the last look, and tells. A file that cannot be read now is left for the next look. */
  look(): void {
    let changed = this.lookAtNeutral();
    const folders = this.project.runs();
    const names = new Set(folders.map(folder => folder.name));
    for (const name of this.entries.keys()) {
      if (names.has(name)) continue;
      this.entries.delete(name);
      changed = true;
    }
    for (const folder of folders) if (this.lookAtRun(folder)) changed = true;
    if (changed) this.emit('changed');
    this.emit('looked');
  }

  private entry(name: string): Entry {
    const entry = this.entries.get(name);
    if (!entry) throw new RequestError('no-such-run', `the project has no run "${name}"`);
    return entry;
  }

  /** True when the run's summary changed. */
  private lookAtRun(folder: RunFolder): boolean {
    const known = this.entries.get(folder.name);
    const versions = {
      settingsVersion: fileVersion(folder.settingsPath),
      lossesVersion: fileVersion(folder.lossesPath),
      weightsVersion: fileVersion(folder.weightsPath),
      latentsVersion: fileVersion(folder.latentsPath),
    };
    let summary = known?.summary;
    let rows = known?.rows ?? [];
    try {
      // A run in training is read each time: its process may have died without a word.
      if (!summary || known?.settingsVersion !== versions.settingsVersion || summary.state === 'training') summary = summarise(folder);
      summary = { ...summary, embeddingsVersion: embeddingsVersion(folder) };
      if (known?.lossesVersion !== versions.lossesVersion) rows = finiteRows(folder.losses());
    } catch {
      return false;
    }
    const entry: Entry = {
      folder,
      summary,
      rows,
      toldRows: (known?.toldRows ?? []).filter(row => row.epoch > lastEpoch(rows)),
      announced: known?.announced ?? lastEpoch(rows),
      ...versions,
    };
    this.entries.set(folder.name, entry);
    // Begun again from an earlier checkpoint, or from nothing.
    if (known && lastEpoch(rows) < lastEpoch(known.rows)) entry.announced = lastEpoch(rows);
    if (known) this.announce(entry, known.latentsVersion !== versions.latentsVersion && versions.latentsVersion !== '');
    return JSON.stringify(known?.summary) !== JSON.stringify(summary);
  }

  /** Emits the epochs that are new; with new latents and no new epoch, the last one again. */
  private announce(entry: Entry, latentsReady: boolean): void {
    const all = [...entry.rows, ...entry.toldRows];
    let fresh = all.filter(row => row.epoch > entry.announced);
    if (fresh.length === 0 && latentsReady) fresh = all.slice(-1);
    entry.announced = Math.max(entry.announced, lastEpoch(fresh));
    fresh.forEach((row, i) => void this.emit('epoch', entry.folder.name, row, latentsReady && i === fresh.length - 1));
  }

  private lookAtNeutral(): boolean {
    const path = join(this.project.neutralFolder, 'neutral.json');
    const now = fileVersion(path);
    if (now === this.neutralVersion) return false;
    try {
      const report = now === '' ? null : (JSON.parse(readFileSync(path, 'utf8')) as NonNullable<ProjectSummary['neutral']>);
      this.neutral = report && { gaussians: report.gaussians, resolutionAngstrom: report.resolutionAngstrom };
    } catch {
      return false;
    }
    this.neutralVersion = now;
    return true;
  }
}

function summarise(folder: RunFolder): RunSummary {
  const { latentDims, epoch, epochs, state, frc, gaussians, backend, particles, copies, vary, focus, continueFrom } = folder.settings();
  return {
    name: folder.name,
    latentDims,
    epoch,
    epochs,
    state,
    frc: Number.isFinite(frc) ? frc : null,
    gaussians,
    backend,
    particles,
    copies,
    vary: [...vary],
    focus: focus && basename(focus, '.mrc'),
    continueFrom,
    embeddingsVersion: embeddingsVersion(folder),
  };
}

/** Tables that the latents have left behind are others, although their files are not. */
function embeddingsVersion(folder: RunFolder): string {
  return analysisFiles(folder)
    .map(({ path, outdated }) => `${fileVersion(path)}${outdated ? ' outdated' : ''}`)
    .join(' ');
}

function finiteRows(rows: readonly EpochRow[]): EpochRow[] {
  return rows.filter(row => [row.frc, row.loss, row.seconds].every(Number.isFinite));
}

function lastEpoch(rows: readonly EpochRow[]): number {
  return rows.length > 0 ? rows[rows.length - 1].epoch : 0;
}
