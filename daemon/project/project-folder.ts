// The project folder: where everything of a project lies, opened only when project.json is whole and of a version we know.
//
//   project.json   what the project is made of (project-settings.ts)
//   neutral/       the neutral model
//   runs/NAME/     one training run each (run-folder.ts)
//   maps/          maps made from the project
//   sessions/      what viewers keep
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, isAbsolute, join, relative, resolve } from 'node:path';
import type { DensityMap } from '../formats/density-map.js';
import { InputError } from '../formats/input-error.js';
import { readMap } from '../formats/mrc.js';
import type { ProjectSettings } from './project-settings.js';
import { RunFolder } from './run-folder.js';
import { writeFileAtomic } from './write-file-atomic.js';
import { acquireWriteLock, type WriteLock, writerOf } from './write-lock.js';

/** A letter or digit first, so that no name climbs out of the folder or hides in it. */
const RUN_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

export class ProjectFolder {
  private constructor(
    /** Absolute. */
    readonly path: string,
    readonly settings: ProjectSettings,
  ) {}

  /** Makes the folder and writes project.json; throws InputError where a project is already, or something that is no folder. */
  static create(path: string, settings: ProjectSettings): ProjectFolder {
    const folder = resolve(path);
    ProjectFolder.refuseExisting(folder);
    mkdirSync(folder, { recursive: true });
    const lock = acquireWriteLock(folder);
    try {
      // Once more under the lock: another process may have been quicker.
      ProjectFolder.refuseExisting(folder);
      for (const room of ['neutral', 'runs', 'maps', 'sessions']) mkdirSync(join(folder, room), { recursive: true });
      writeFileAtomic(join(folder, 'project.json'), JSON.stringify(settings, null, 2) + '\n');
    } finally {
      lock.release();
    }
    return new ProjectFolder(folder, settings);
  }

  /** Throws InputError when the path holds a project already, or is no folder: to be asked before any long work for a new one. */
  static refuseExisting(path: string): void {
    if (!existsSync(path)) return;
    if (!statSync(path).isDirectory()) throw new InputError(`${path} is a file, not a folder; choose another name for the project`);
    if (existsSync(join(path, 'project.json')))
      throw new InputError(`${path} already holds a project; choose another folder, or delete this one first`);
  }

  /** Throws InputError when there is no project.json, or it is garbled, incomplete or of another version. */
  static open(path: string): ProjectFolder {
    const folder = resolve(path);
    return new ProjectFolder(folder, readSettings(join(folder, 'project.json'), path));
  }

  get neutralFolder(): string {
    return join(this.path, 'neutral');
  }

  get runsFolder(): string {
    return join(this.path, 'runs');
  }

  get mapsFolder(): string {
    return join(this.path, 'maps');
  }

  get sessionsFolder(): string {
    return join(this.path, 'sessions');
  }

  /** The name for people: the folder's own. */
  get name(): string {
    return this.settings.name || basename(this.path);
  }

  /** Absolute path of a file that project.json names. */
  resolve(path: string): string {
    return isAbsolute(path) ? path : join(this.path, path);
  }

  /** The consensus map in the world frame, with the particles' pixel size (their file wins over the map's header); null without one. */
  readMap(): DensityMap | null {
    return this.readVolume(this.settings.map);
  }

  /** The mask on the same grid; null without one. */
  readMask(): DensityMap | null {
    return this.readVolume(this.settings.mask);
  }

  private readVolume(file: string | null): DensityMap | null {
    return file === null ? null : readMap(this.resolve(file), { pixelSizeAngstrom: this.settings.pixelSizeAngstrom });
  }

  /** The run, whether it exists yet or not. Throws InputError on a name that could leave the folder. */
  run(name: string): RunFolder {
    if (!RUN_NAME.test(name)) {
      throw new InputError(
        `"${name.slice(0, 80)}" is no run name; take 1 to 64 letters, digits, dots, dashes or underscores, a letter or digit first`,
      );
    }
    return new RunFolder(join(this.runsFolder, name), name, () => this.writer() !== null);
  }

  /** Runs that have begun, by name. Folders without settings are passed over. */
  runs(): RunFolder[] {
    if (!existsSync(this.runsFolder)) return [];
    const names = readdirSync(this.runsFolder).filter(name => RUN_NAME.test(name));
    return names
      .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
      .map(name => this.run(name))
      .filter(run => run.exists());
  }

  /** A run that exists. Throws InputError listing those that do. */
  existingRun(name: string): RunFolder {
    const run = this.run(name);
    if (run.exists()) return run;
    const names = this.runs().map(other => other.name);
    throw new InputError(
      `${this.path} has no run "${name}"; ${names.length > 0 ? `it has ${names.join(', ')}` : 'make one with limber train'}`,
    );
  }

  /** Taken by every command that writes; see write-lock.ts. */
  lock(): WriteLock {
    return acquireWriteLock(this.path);
  }

  /** Process number of who writes the project now, or null. */
  writer(): number | null {
    return writerOf(this.path);
  }
}

/** Relative for what lies inside the project, so that the folder can be moved; absolute for what lies elsewhere. */
export function storedPath(folder: string, file: string): string {
  const inside = relative(folder, resolve(file));
  return inside.startsWith('..') || isAbsolute(inside) ? resolve(file) : inside.replaceAll('\\', '/');
}

/** Reads project.json field by field; `shown` is the folder as the user named it. */
function readSettings(file: string, shown: string): ProjectSettings {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    throw new InputError(`${shown} holds no project.json; make a project with limber new or limber demo`);
  }
  let value: ProjectSettings;
  try {
    value = JSON.parse(text) as ProjectSettings;
  } catch (error) {
    throw new InputError(`${file} is not JSON (${(error as Error).message.split('\n')[0]}); restore it from a copy`);
  }
  if (value?.format !== 'limber-project')
    throw new InputError(`${file} is no limber project: its format is ${JSON.stringify(value?.format)}, not "limber-project"`);
  if (value.version !== 1)
    throw new InputError(`${file} has version ${JSON.stringify(value.version)}, this limber reads version 1; take the limber that made it`);
  for (const [field, fits, wanted] of FIELDS) {
    if (!fits(value[field]))
      throw new InputError(`${file}: ${field} is ${JSON.stringify(value[field])}, not ${wanted}; restore it from a copy`);
  }
  return value;
}

const isText = (value: unknown) => typeof value === 'string';
const isTextOrNull = (value: unknown) => value === null || isText(value);
const isPositive = (value: unknown) => typeof value === 'number' && Number.isFinite(value) && value > 0;
const isNumberOrNull = (value: unknown) => value === null || (typeof value === 'number' && Number.isFinite(value));

const FIELDS: readonly (readonly [keyof ProjectSettings, (value: unknown) => boolean, string])[] = [
  ['name', isText, 'a text'],
  ['particles', isText, 'a path'],
  ['imagesDir', isTextOrNull, 'a path or null'],
  ['map', isTextOrNull, 'a path or null'],
  ['mask', isTextOrNull, 'a path or null'],
  ['model', isTextOrNull, 'a path or null'],
  ['symmetry', isText, 'a symbol like C1'],
  ['pixelSizeAngstrom', isPositive, 'a positive number'],
  ['boxSize', value => isPositive(value) && Number.isInteger(value), 'a positive whole number'],
  ['particleCount', value => isPositive(value) && Number.isInteger(value), 'a positive whole number'],
  ['contrast', value => value === 1 || value === -1, '1 or -1'],
  ['contrastCorrelation', isNumberOrNull, 'a number or null'],
  ['contour', isNumberOrNull, 'a number or null'],
];
