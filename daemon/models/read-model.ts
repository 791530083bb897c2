// Reading a fitted atomic model, PDB or mmCIF, with Mol*'s own parsers, so that daemon and viewer count its atoms alike.
import { readFile } from 'node:fs/promises';
import { parseCifText } from 'molstar/lib/commonjs/mol-io/reader/cif/text/parser.js';
import type { CifField, CifFrame } from 'molstar/lib/commonjs/mol-io/reader/cif.js';
import { parsePDB } from 'molstar/lib/commonjs/mol-io/reader/pdb/parser.js';
import { pdbToMmCif } from 'molstar/lib/commonjs/mol-model-formats/structure/pdb/to-cif.js';
import { InputError } from '../formats/input-error.js';

/**
 * The first model of a file. Row i of every array is row i of the file's atoms, which is Mol*'s `atomSourceIndex`; Mol*'s own
 * element index is another (it sorts the atoms of a chain by residue).
 */
export interface AtomicModel {
  file: string;
  format: 'mmcif' | 'pdb';
  atoms: number;
  /** 3·atoms, Å: x0 y0 z0 x1 … */
  positions: Float32Array;
  /** Atom names, such as CA. */
  names: string[];
  /** Element symbols, upper case as in the file. */
  elements: string[];
  /** Residue names, such as ALA. */
  residues: string[];
  /** Residue numbers as authors count (auth_seq_id). */
  residueNumbers: Int32Array;
  /** Chain names as authors gave them (auth_asym_id): those people speak of. */
  authChains: string[];
  /** Chain names of the archive (label_asym_id); made by Mol* for a PDB file. */
  labelChains: string[];
  /** The file as it was read. */
  text: string;
  /** The file's categories; for a PDB file as Mol* translates it. */
  frame: CifFrame;
}

/**
 * Reads a PDB or mmCIF file; the content, not the name, decides which it is. Throws InputError where the file is missing, is
 * neither, holds no atom or an atom without coordinates.
 */
export async function readModel(path: string): Promise<AtomicModel> {
  const text = await readText(path);
  const format = formatOf(text);
  if (format === null)
    throw new InputError(`${path}: is neither a PDB nor an mmCIF file; give the fitted model as .pdb or .cif, not compressed`);
  const frame = format === 'mmcif' ? await parseMmcif(text, path) : await parsePdb(text, path);
  const site = frame.categories.atom_site;
  if (!site?.rowCount) throw new InputError(`${path}: holds no atom; give a file with ATOM or HETATM records`);
  const field = (...names: string[]): CifField => {
    for (const name of names) {
      const found = site.getField(name);
      if (found) return found;
    }
    throw new InputError(`${path}: its atoms have no column _atom_site.${names[0]}; write the file again with a program that keeps it`);
  };
  const atoms = firstModelLength(site.getField('pdbx_PDB_model_num'), site.rowCount);
  const positions = new Float32Array(3 * atoms);
  ['Cartn_x', 'Cartn_y', 'Cartn_z'].forEach((name, axis) => {
    const column = field(name);
    for (let i = 0; i < atoms; i++) {
      const value = Number(column.str(i) || Number.NaN);
      if (!Number.isFinite(value))
        throw new InputError(`${path}: atom ${i + 1} has "${column.str(i)}" as ${name}; every atom needs coordinates in Å`);
      positions[3 * i + axis] = value;
    }
  });
  const strings = (column: CifField) => Array.from({ length: atoms }, (_, i) => column.str(i));
  const numbers = field('auth_seq_id', 'label_seq_id');
  return {
    file: path,
    format,
    atoms,
    positions,
    names: strings(field('label_atom_id', 'auth_atom_id')),
    elements: strings(field('type_symbol')).map(symbol => symbol.toUpperCase()),
    residues: strings(field('label_comp_id', 'auth_comp_id')),
    residueNumbers: Int32Array.from({ length: atoms }, (_, i) => numbers.int(i)),
    authChains: strings(field('auth_asym_id', 'label_asym_id')),
    labelChains: strings(field('label_asym_id', 'auth_asym_id')),
    text,
    frame,
  };
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : (error as Error).message;
    throw new InputError(`${path}: the atomic model cannot be read (${reason}); check the path`);
  }
}

function formatOf(text: string): AtomicModel['format'] | null {
  if (/^\s*data_/m.test(text) && /^_[A-Za-z]/m.test(text)) return 'mmcif';
  return /^(ATOM {2}|HETATM)/m.test(text) ? 'pdb' : null;
}

async function parseMmcif(text: string, path: string): Promise<CifFrame> {
  const parsed = await parseCifText(text).run();
  if (parsed.isError)
    throw new InputError(`${path}: is not valid mmCIF (${parsed.toString().replace(/\s+/g, ' ')}); write it again with another program`);
  return parsed.result.blocks.find(block => block.categories.atom_site) ?? parsed.result.blocks[0];
}

async function parsePdb(text: string, path: string): Promise<CifFrame> {
  const parsed = await parsePDB(text).run();
  if (parsed.isError)
    throw new InputError(
      `${path}: is not a valid PDB file (${parsed.toString().replace(/\s+/g, ' ')}); write it again with another program`,
    );
  return pdbToMmCif(parsed.result);
}

/** Rows of the first model: as in Mol*, those from the first on that share its model number. */
function firstModelLength(modelNumbers: CifField | undefined, rows: number): number {
  if (!modelNumbers) return rows;
  let end = 1;
  while (end < rows && modelNumbers.areValuesEqual(0, end)) end++;
  return end;
}
