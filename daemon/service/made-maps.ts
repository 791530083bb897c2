// Maps that were made from particles: those in the project's folder maps/, what is known of each, and their deletion.
//
// NAME.json beside NAME.mrc says what a map was made of. A map without it was put there in another way: it is shown, and never deleted.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { RUN_NAME } from '../../protocol/kinds.js';
import type { MadeMap, MapSource } from '../../protocol/messages.js';
import type { ProjectFolder } from '../project/project-folder.js';
import { writeFileAtomic } from '../project/write-file-atomic.js';
import { fileVersion } from './file-version.js';
import { MADE_MAPS_PATH } from './files.js';
import { RequestError } from './request-error.js';
import type { RunReader } from './run-reader.js';

/** NAME.json. */
interface MapRecord {
  format: 'limber-map';
  version: 1;
  source: MapSource;
  resolutionAngstrom: number | null;
  /** What a series of maps is shown at; null: each by itself. */
  contour: number | null;
}

interface Entry {
  version: string;
  /** null while it is read for the first time, or where it cannot be. */
  map: MadeMap | null;
}

/** What belongs to a map beside NAME.mrc itself. */
const COMPANIONS = ['.json', '.fsc.tsv', '.particles.tsv', '.points.tsv', '_half1.mrc', '_half2.mrc'];
/** Names that mean something else in maps/: the served consensus map, and half-maps. */
const TAKEN = /^consensus$|_half[12]$/;

export class MadeMaps {
  private readonly entries = new Map<string, Entry>();

  constructor(
    private readonly project: ProjectFolder,
    private readonly reader: RunReader,
    private readonly changed: () => void,
  ) {}

  /** Those that could be read, by name. */
  list(): MadeMap[] {
    const maps = [...this.entries.values()].flatMap(({ map }) => (map ? [map] : []));
    return maps.sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }));
  }

  /** Absolute path of a map that is listed, else null: a name is looked up, never made into a path. */
  file(name: string): string | null {
    return this.entries.get(name)?.map ? this.path(name) : null;
  }

  /** Reads what is new or was replaced since the last look, on the reader's thread, and tells when that changes the list. */
  look(): void {
    const names = this.namesInFolder();
    const gone = [...this.entries.keys()].filter(name => !names.includes(name));
    for (const name of gone) this.entries.delete(name);
    for (const name of names) {
      const version = `${fileVersion(this.path(name))} ${fileVersion(this.path(name, '.json'))}`;
      const known = this.entries.get(name);
      if (known?.version === version) continue;
      const entry: Entry = { version, map: known?.map ?? null };
      this.entries.set(name, entry);
      void this.read(name, entry);
    }
    if (gone.length > 0) this.changed();
  }

  /** Where a map of this name, or the first of several, is to be written. Throws RequestError `bad-value` where there is one. */
  newFile(name: string): string {
    if (TAKEN.test(name) || !RUN_NAME.test(`${name}_001`))
      throw new RequestError('bad-value', `no map can be called "${name}"; take another name`);
    if (existsSync(this.path(name)) || existsSync(this.path(`${name}_001`)))
      throw new RequestError('bad-value', `there is a map "${name}" already; take another name, or delete it`);
    mkdirSync(this.project.mapsFolder, { recursive: true });
    return this.path(name);
  }

  /** Where the particles of such a map are named, or the points of a series. */
  choiceFile(name: string, kind: 'particles' | 'points'): string {
    return this.path(name, `.${kind}.tsv`);
  }

  /** Keeps what the map in `file` was made of. */
  record(file: string, what: Pick<MapRecord, 'source' | 'resolutionAngstrom' | 'contour'>): void {
    const record: MapRecord = { format: 'limber-map', version: 1, ...what };
    writeFileAtomic(this.path(basename(file, '.mrc'), '.json'), `${JSON.stringify(record, null, 2)}\n`);
  }

  /** Deletes a map that `record` knows, with what belongs to it. Throws RequestError `bad-value` on others. */
  delete(name: string): void {
    const map = this.entries.get(name)?.map;
    if (!map) throw new RequestError('bad-value', `the project has no map "${name}"`);
    if (!map.source) throw new RequestError('bad-value', `the map "${name}" was not made here; delete ${this.path(name)} by hand`);
    for (const ending of ['.mrc', ...COMPANIONS]) rmSync(this.path(name, ending), { force: true });
    this.look();
  }

  private namesInFolder(): string[] {
    if (!existsSync(this.project.mapsFolder)) return [];
    return readdirSync(this.project.mapsFolder)
      .filter(file => file.endsWith('.mrc'))
      .map(file => basename(file, '.mrc'))
      .filter(name => RUN_NAME.test(name) && !TAKEN.test(name));
  }

  private path(name: string, ending = '.mrc'): string {
    return join(this.project.mapsFolder, `${name}${ending}`);
  }

  /** A map that cannot be read is left out until it is replaced. */
  private async read(name: string, entry: Entry): Promise<void> {
    let map: MadeMap | null = null;
    try {
      const volume = await this.reader.map(this.path(name));
      const record = this.recordOf(name);
      map = {
        name,
        path: `${MADE_MAPS_PATH}/${name}`,
        version: entry.version,
        ...volume,
        contour: record?.contour ?? volume.contour,
        resolutionAngstrom: record?.resolutionAngstrom ?? null,
        source: record?.source ?? null,
      };
    } catch {
      // Not a map, or gone again.
    }
    if (this.entries.get(name) !== entry) return;
    entry.map = map;
    this.changed();
  }

  private recordOf(name: string): MapRecord | null {
    try {
      const record = JSON.parse(readFileSync(this.path(name, '.json'), 'utf8')) as MapRecord;
      return record.format === 'limber-map' && record.version === 1 ? record : null;
    } catch {
      return null;
    }
  }
}
