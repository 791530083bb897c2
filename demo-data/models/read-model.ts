// Small readers for the atoms of PDB and mmCIF files: first model, first alternative place, water left out.

import { readFileSync } from 'node:fs';
import { InputError } from '../../daemon/formats/input-error.js';
import type { AtomicModel, ModelAtom } from './atomic-model.js';

export interface ModelFile extends AtomicModel {
  format: 'pdb' | 'mmcif';
  /** The file as it was. */
  text: string;
}

/** Reads a file on disk, by its content and not by its name. Throws InputError when there is none or it holds no atom. */
export function readModelFile(path: string): ModelFile {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new InputError(
      `${path}: cannot be read (${(error as NodeJS.ErrnoException).code ?? error}); give a PDB or mmCIF file that exists`,
    );
  }
  return parseModel(text, path);
}

/** `file` names the source in errors. */
export function parseModel(text: string, file: string): ModelFile {
  const format = /^(data_|#|loop_|_)/m.test(text) && text.includes('_atom_site.') ? 'mmcif' : 'pdb';
  const atoms = (format === 'mmcif' ? parseMmcifAtoms(text, file) : parsePdbAtoms(text, file)).filter(
    atom => !['HOH', 'WAT', 'DOD'].includes(atom.residueName),
  );
  if (atoms.length === 0)
    throw new InputError(`${file}: holds no atoms; give a PDB file with ATOM records or an mmCIF file with _atom_site`);
  return { format, text, atoms, helices: [] };
}

function parsePdbAtoms(text: string, file: string): ModelAtom[] {
  const atoms: ModelAtom[] = [];
  const lines = text.split(/\r?\n/);
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i];
    if (line.startsWith('ENDMDL')) break;
    const group = line.slice(0, 6).trim();
    if (group !== 'ATOM' && group !== 'HETATM') continue;
    if (!' A1'.includes(line[16] ?? ' ')) continue;
    const name = line.slice(12, 16).trim();
    const atom: ModelAtom = {
      group,
      name,
      element: line.slice(76, 78).trim() || name.replace(/[^A-Za-z]/g, '').slice(0, 1),
      residueName: line.slice(17, 20).trim(),
      chain: line[21].trim() || ' ',
      residueNumber: Number.parseInt(line.slice(22, 26), 10),
      insertionCode: (line[26] ?? '').trim(),
      x: Number.parseFloat(line.slice(30, 38)),
      y: Number.parseFloat(line.slice(38, 46)),
      z: Number.parseFloat(line.slice(46, 54)),
    };
    checkPlace(atom, `${file}:${i + 1}`);
    atoms.push(atom);
  }
  return atoms;
}

function checkPlace(atom: ModelAtom, where: string): void {
  for (const value of [atom.x, atom.y, atom.z, atom.residueNumber])
    if (!Number.isFinite(value))
      throw new InputError(`${where}: atom ${atom.name} of ${atom.residueName} has no complete residue number and place; restore the file`);
}

/** mmCIF words: quoted, semicolon text fields, comments left out. */
function* cifWords(text: string): Generator<string> {
  const word = /(?:^|\n);([\s\S]*?)\n;(?=\s|$)|#[^\n]*|'((?:[^'\n]|'(?!\s|$))*)'(?=\s|$)|"((?:[^"\n]|"(?!\s|$))*)"(?=\s|$)|[^\s]+/g;
  for (let match = word.exec(text); match; match = word.exec(text)) {
    if (match[0].startsWith('#')) continue;
    yield match[1] ?? match[2] ?? match[3] ?? match[0];
  }
}

function parseMmcifAtoms(text: string, file: string): ModelAtom[] {
  const from = text.search(/^loop_\s+_atom_site\./m);
  if (from < 0) return [];
  const columns = new Map<string, number>();
  const atoms: ModelAtom[] = [];
  let row: string[] = [];
  let model: string | null = null;
  const words = cifWords(text.slice(from));
  words.next();
  for (const word of words) {
    if (row.length === 0) {
      if (atoms.length === 0 && word.startsWith('_atom_site.')) {
        columns.set(word.slice('_atom_site.'.length), columns.size);
        continue;
      }
      if (/^(_|loop_|data_)/.test(word)) break;
    }
    row.push(word);
    if (row.length < columns.size) continue;
    const cells = row;
    row = [];
    const cell = (...names: string[]) => {
      for (const name of names) {
        const value = cells[columns.get(name) ?? -1];
        if (value !== undefined && value !== '.' && value !== '?') return value;
      }
      return '';
    };
    model ??= cell('pdbx_PDB_model_num');
    if (cell('pdbx_PDB_model_num') !== model) break;
    if (!['', 'A', '1'].includes(cell('label_alt_id'))) continue;
    const atom: ModelAtom = {
      group: cell('group_PDB') === 'HETATM' ? 'HETATM' : 'ATOM',
      name: cell('auth_atom_id', 'label_atom_id'),
      element: cell('type_symbol'),
      residueName: cell('auth_comp_id', 'label_comp_id'),
      chain: cell('auth_asym_id', 'label_asym_id'),
      residueNumber: Number.parseInt(cell('auth_seq_id', 'label_seq_id'), 10),
      insertionCode: cell('pdbx_PDB_ins_code'),
      x: Number.parseFloat(cell('Cartn_x')),
      y: Number.parseFloat(cell('Cartn_y')),
      z: Number.parseFloat(cell('Cartn_z')),
    };
    checkPlace(atom, `${file}: _atom_site row ${atoms.length + 1}`);
    atoms.push(atom);
  }
  if (row.length > 0 && row.length < columns.size && atoms.length === 0)
    throw new InputError(`${file}: the _atom_site loop has no complete row; restore the file`);
  return atoms;
}
