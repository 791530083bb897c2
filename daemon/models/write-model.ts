// A moved atomic model as a file: the user's own file with other coordinates, everything else left as it was.
import type { CifFrame } from 'molstar/lib/commonjs/mol-io/reader/cif.js';
import { InputError } from '../formats/input-error.js';
import type { AtomicModel } from './read-model.js';

const COORDINATES = ['Cartn_x', 'Cartn_y', 'Cartn_z'];

/**
 * The model's file with its atoms at `positions` (3·atoms, Å), in the format that the name of `path` asks for (.cif, .mmcif, .pdb
 * or .ent). Only the first model of the file is kept: the others did not move. Throws InputError where the format cannot hold it.
 */
export function formatMovedModel(model: AtomicModel, positions: Float32Array, path: string): string {
  if (positions.length !== 3 * model.atoms) throw new Error(`${positions.length} coordinates for ${model.atoms} atoms`);
  const wanted = /\.(mm)?cif$/i.test(path) ? 'mmcif' : /\.(pdb|ent)$/i.test(path) ? 'pdb' : null;
  if (wanted === null) throw new InputError(`${path}: a model is written as .cif or .pdb; give such a name`);
  if (wanted === 'mmcif') return model.format === 'mmcif' ? replaceInMmcif(model, positions) : formatFrame(model, positions);
  if (model.format === 'mmcif')
    throw new InputError(`${path}: ${model.file} is mmCIF, which can hold more than a PDB file; give a name ending in .cif`);
  return replaceInPdb(model, positions, path);
}

/** A word of a CIF file: the text from start to end, quotes or semicolons included. */
interface Token {
  start: number;
  end: number;
}

/**
 * The words of a CIF text from `from` on (CIF 1.1 syntax): bare words, quoted strings, text fields between semicolons at the
 * beginning of a line; comments are passed over.
 */
function* cifTokens(text: string, from = 0): Generator<Token> {
  const length = text.length;
  const isSpace = (i: number) => text.charCodeAt(i) <= 32;
  let i = from;
  while (i < length) {
    const first = text[i];
    if (isSpace(i)) {
      i++;
      continue;
    }
    const start = i;
    if (first === '#') {
      const end = text.indexOf('\n', i);
      i = end < 0 ? length : end;
      continue;
    }
    if (first === ';' && (i === 0 || text[i - 1] === '\n' || text[i - 1] === '\r')) {
      const end = text.slice(i).search(/[\r\n];/);
      i = end < 0 ? length : i + end + 2;
    } else if (first === "'" || first === '"') {
      // A quote ends a string only where white space follows it.
      do i = text.indexOf(first, i + 1);
      while (i >= 0 && i + 1 < length && !isSpace(i + 1));
      i = i < 0 ? length : i + 1;
    } else while (i < length && !isSpace(i)) i++;
    yield { start, end: i };
  }
}

/** Replaces the coordinates in the text of the file, word by word; the rows of further models are cut out. */
function replaceInMmcif(model: AtomicModel, positions: Float32Array): string {
  const { text } = model;
  const header = /^[ \t]*_atom_site\.[^\s]+/im.exec(text);
  if (!header) throw new Error(`${model.file} has lost its atoms since it was read`);
  const columns: string[] = [];
  const pieces: string[] = [];
  let written = 0;
  let word = 0;
  let cutFrom = -1;
  let cutTo = -1;
  const total = model.frame.categories.atom_site.rowCount;
  for (const { start, end } of cifTokens(text, header.index)) {
    const value = text.slice(start, end);
    if (word === 0 && value.startsWith('_')) {
      columns.push(value.slice(value.indexOf('.') + 1));
      continue;
    }
    // A single atom may be written without a loop, name and value in turn: then the words are not rows.
    if (word === 0 && columns.length !== model.frame.categories.atom_site.fieldNames.length) return formatFrame(model, positions);
    const row = Math.floor(word / columns.length);
    if (row === total) break;
    if (row < model.atoms) {
      const axis = COORDINATES.findIndex(name => name.toLowerCase() === columns[word % columns.length].toLowerCase());
      if (axis >= 0) {
        pieces.push(text.slice(written, start), positions[3 * row + axis].toFixed(3).padStart(end - start));
        written = end;
      }
      cutFrom = end;
    }
    cutTo = end;
    word++;
  }
  return pieces.join('') + text.slice(written, cutFrom) + text.slice(cutTo);
}

/** Replaces columns 31 to 54 of the atoms' lines; the lines of further models are left out. */
function replaceInPdb(model: AtomicModel, positions: Float32Array, path: string): string {
  const lines: string[] = [];
  let atom = 0;
  let inOtherModel = false;
  for (const line of model.text.split('\n')) {
    if (/^MODEL /.test(line) && atom > 0) inOtherModel = true;
    const isAtom = /^(ATOM {2}|HETATM)/.test(line);
    if (!inOtherModel && isAtom && atom < model.atoms) {
      const fields = [0, 1, 2].map(axis => positions[3 * atom + axis].toFixed(3).padStart(8));
      if (fields.some(field => field.length > 8))
        throw new InputError(
          `${path}: atom ${atom + 1} at ${fields.join(', ')} Å does not fit the eight columns of a PDB file; give a name ending in .cif`,
        );
      lines.push(line.slice(0, 30) + fields.join('') + line.slice(54));
      atom++;
    } else if (!inOtherModel && !/^ANISOU/.test(line)) lines.push(line);
    if (/^ENDMDL/.test(line)) inOtherModel = false;
  }
  return lines.join('\n');
}

/** Every category as mmCIF, with the new coordinates: a PDB file as Mol* translates it, or an mmCIF file of unusual layout. */
function formatFrame(model: AtomicModel, positions: Float32Array): string {
  const frame: CifFrame = model.frame;
  const parts = [`data_${frame.header.replace(/[^A-Za-z0-9_-]/g, '_')}\n#\n`];
  for (const name of frame.categoryNames) {
    const category = frame.categories[name];
    const isAtoms = name === 'atom_site';
    const rows = isAtoms ? model.atoms : category.rowCount;
    // Displacement ellipsoids do not turn with the atoms here.
    if (rows === 0 || name === 'atom_site_anisotrop') continue;
    const fields = category.fieldNames.map(field => ({
      field: category.getField(field)!,
      axis: isAtoms ? COORDINATES.indexOf(field) : -1,
    }));
    parts.push('loop_\n', ...category.fieldNames.map(field => `_${name}.${field}\n`));
    for (let row = 0; row < rows; row++) {
      const words = fields.map(({ field, axis }) =>
        axis >= 0 ? positions[3 * row + axis].toFixed(3) : cifWord(field.str(row), field.valueKind(row)),
      );
      parts.push(`${words.join(' ')}\n`);
    }
    parts.push('#\n');
  }
  return parts.join('');
}

/** A value as CIF syntax wants it. Kind 0: present; 1: not applicable (.); 2: unknown (?). */
function cifWord(value: string, kind: number): string {
  if (kind !== 0) return kind === 1 ? '.' : '?';
  if (value === '') return '.';
  if (/[\r\n]/.test(value)) return `\n;${value}\n;`;
  if (/^[^\s'"#$_;[\]][^\s]*$/.test(value) && !/^(data_|loop_|global_|save_|stop_|\.$|\?$)/i.test(value)) return value;
  if (!/'\s/.test(value)) return `'${value}'`;
  return /"\s/.test(value) ? `\n;${value}\n;` : `"${value}"`;
}
