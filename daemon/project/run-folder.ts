// One training run on disk: settings.json, losses.tsv, latents.tsv, weights.safetensors; before its first epoch scout.safetensors, after its last placing.safetensors. Every file is whole at any instant.
//
// The weights are the checkpoint and carry their own epoch in their metadata; a kill between two writes leaves tables that are at most
// one epoch apart, which a resumed run overwrites.
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../formats/input-error.js';
import { formatLatents, type LatentsTable, parseLatents } from '../formats/latents-table.js';
import { encodeSafetensors, type NamedTensor, readSafetensors, type Safetensors } from '../formats/safetensors.js';
import { defaultTrainingSettings, type TrainingSettings } from '../settings/training.js';
import { writeFileAtomic } from './write-file-atomic.js';

/** The scout before the first epoch (training/latents/scout.ts), and the placing of particles after the last (training/latents/placing.ts). */
export type KeptWork = 'scout' | 'placing';

export type RunState = 'training' | 'stopped' | 'done' | 'failed';

/** settings.json of a run: what it was asked to do, and how far it is. */
export interface RunSettings extends TrainingSettings {
  format: 'limber-run';
  version: 1;
  run: string;
  state: RunState;
  /** Epochs finished, of `epochs`. */
  epoch: number;
  gaussians: number;
  resolutionAngstrom: number;
  backend: string;
  /** Particles that the run trains on. */
  particles: number;
  /** Symmetric orientations that each is used in. */
  copies: number;
  /** Whether it began with the networks of the run that it continues. */
  goesOn: boolean;
  /** Mean ring correlation at the last epoch; null before the first. */
  frc: number | null;
  /** Seconds of training so far, over all sittings. */
  seconds: number;
}

/** A row of losses.tsv: one epoch. */
export interface LossRow {
  epoch: number;
  frc: number;
  loss: number;
  seconds: number;
}

const LOSS_COLUMNS = ['epoch', 'frc', 'loss', 'seconds'] as const;

/** What every run was before it could be anything else. */
const FORMER: Partial<RunSettings> = { copies: 1, goesOn: false };

export class RunFolder {
  constructor(
    readonly path: string,
    readonly name: string,
    /** Whether any living process writes the project. */
    private readonly isWritten: () => boolean,
  ) {}

  exists(): boolean {
    return existsSync(this.settingsPath);
  }

  get hasWeights(): boolean {
    return existsSync(this.weightsPath);
  }

  get hasLatents(): boolean {
    return existsSync(this.latentsPath);
  }

  /** Where latents.tsv lies, for those who watch it change. */
  get latentsPath(): string {
    return join(this.path, 'latents.tsv');
  }

  get weightsPath(): string {
    return join(this.path, 'weights.safetensors');
  }

  private keptPath(work: KeptWork): string {
    return join(this.path, `${work}.safetensors`);
  }

  get lossesPath(): string {
    return join(this.path, 'losses.tsv');
  }

  get settingsPath(): string {
    return join(this.path, 'settings.json');
  }

  /** Throws InputError when the file is missing, garbled or of another version. A run whose process is gone reads as stopped. */
  settings(): RunSettings {
    const path = this.settingsPath;
    let value: RunSettings;
    try {
      value = JSON.parse(readFileSync(path, 'utf8')) as RunSettings;
    } catch (error) {
      throw new InputError(
        `${path} cannot be read (${(error as Error).message.split('\n')[0]}); restore it from a copy or delete the run's folder`,
      );
    }
    if (value?.format !== 'limber-run' || value.version !== 1) {
      throw new InputError(
        `${path} is not a run of version 1 (format ${JSON.stringify(value?.format)}, version ${JSON.stringify(value?.version)}); take the limber that made it`,
      );
    }
    // What an earlier version had no choice of was as the defaults are.
    const whole: RunSettings = { ...defaultTrainingSettings, ...FORMER, ...value };
    return whole.state === 'training' && !this.isWritten() ? { ...whole, state: 'stopped' } : whole;
  }

  /** Makes the folder when it is not there. */
  writeSettings(settings: RunSettings): void {
    mkdirSync(this.path, { recursive: true });
    writeFileAtomic(this.settingsPath, JSON.stringify(settings, null, 2) + '\n');
  }

  /** The training curve so far; empty before the first epoch. */
  losses(): LossRow[] {
    const path = this.lossesPath;
    if (!existsSync(path)) return [];
    const lines = readFileSync(path, 'utf8')
      .split('\n')
      .slice(1)
      .filter(line => line !== '');
    return lines.map((line, i) => {
      const [epoch, frc, loss, seconds] = line.split('\t').map(Number);
      if (!Number.isInteger(epoch) || [frc, loss, seconds].some(value => value === undefined)) {
        throw new InputError(
          `${path}:${i + 2}: "${line.slice(0, 80)}" is not a row of ${LOSS_COLUMNS.join(', ')}; restore the file from a copy`,
        );
      }
      return { epoch, frc, loss, seconds };
    });
  }

  writeLosses(rows: readonly LossRow[]): void {
    const lines = rows.map(row => LOSS_COLUMNS.map(column => row[column]).join('\t'));
    writeFileAtomic(this.lossesPath, [LOSS_COLUMNS.join('\t'), ...lines].join('\n') + '\n');
  }

  /** Throws InputError when the run has no latents yet. */
  latents(): LatentsTable {
    const path = this.latentsPath;
    if (!existsSync(path))
      throw new InputError(`run "${this.name}" has no latents yet (${path} is missing); let it train for an epoch first`);
    return parseLatents(readFileSync(path, 'utf8'), path);
  }

  writeLatents(table: LatentsTable): void {
    writeFileAtomic(this.latentsPath, formatLatents(table));
  }

  /** Throws InputError when the run has no weights yet, or they are broken. */
  weights(): Safetensors {
    if (!this.hasWeights)
      throw new InputError(`run "${this.name}" has no weights yet (${this.weightsPath} is missing); let it train for an epoch first`);
    return readSafetensors(this.weightsPath);
  }

  /** How far work of some minutes beside the epochs has come; null where it is not under way. Throws InputError when it is broken. */
  kept(work: KeptWork): Safetensors | null {
    return existsSync(this.keptPath(work)) ? readSafetensors(this.keptPath(work)) : null;
  }

  keep(work: KeptWork, tensors: Iterable<readonly [string, NamedTensor]>, metadata: Record<string, string>): void {
    writeFileAtomic(this.keptPath(work), encodeSafetensors(tensors, metadata));
  }

  removeKept(work: KeptWork): void {
    rmSync(this.keptPath(work), { force: true });
  }

  writeWeights(tensors: Iterable<readonly [string, NamedTensor]>, metadata: Record<string, string>): void {
    mkdirSync(this.path, { recursive: true });
    writeFileAtomic(this.weightsPath, encodeSafetensors(tensors, metadata));
  }
}
