// STAR tables as RELION writes them (3.0: one block; 3.1 and later: optics and particles), kept so that they are written back token by token.
//
// The text itself is the store: a table holds where each value begins, and a value is cut out when it is asked for. So 300,000 rows
// cost one pass, and a selection of rows is the input's own text.
import { readFileSync } from 'node:fs';
import { writeAtomically } from './atomic-file.js';
import { InputError } from './input-error.js';

/** One block: a loop, or (a block of single `_name value` lines) a table of one row. */
export interface StarTable {
  /** The file it is from. */
  file: string;
  /** Name after `data_`; may be empty. */
  name: string;
  /** Without the leading underscore, in the order of the file. */
  columns: readonly string[];
  rowCount: number;
  hasColumn(column: string): boolean;
  /** The value's text without quotes. */
  value(row: number, column: string): string;
  /** All values of a column as text. */
  strings(column: string): string[];
  /** All values of a column as numbers. Throws InputError (file, line, value) where one is not a number; `nan` and `inf` are not. */
  numbers(column: string): Float64Array;
  /** 1-based line of the file. */
  line(row: number): number;
  /** Where the row's text begins and ends in the file. */
  rowSpan(row: number): [begin: number, end: number];
  /** Where the value's text, its quotes included, begins and ends in the file. */
  valueSpan(row: number, column: string): [begin: number, end: number];
  /** Where the line of the last column's name ends, its line break excluded. */
  readonly namesEnd: number;
  /** Whether it is a loop, whose rows follow the names. */
  readonly isLoop: boolean;
}

export interface StarFile {
  file: string;
  text: string;
  /** By name after `data_`, in the order of the file. */
  blocks: Map<string, StarTable>;
}

/** Reads and parses a STAR file. Throws InputError where it is missing or malformed. */
export function readStar(file: string): StarFile {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ERR_STRING_TOO_LONG') throw new InputError(`${file}: longer than 512 MB; split it, or leave out columns`);
    throw new InputError(`${file}: cannot be read (${code}); check the path`);
  }
  return parseStar(text, file);
}

/** Parses the text of `file` (which serves for messages only). Throws InputError, naming the line, on rows of the wrong length, unclosed quotes, stray values. */
export function parseStar(text: string, file: string): StarFile {
  return new StarParser(text, file).parse();
}

/**
 * Writes the file again with, of one block, only the given rows (0-based, in the order given). Every character outside that block's rows
 * stays as it is: other blocks, comments, the columns and their order, each value's own text.
 */
export function writeStarRows(path: string, star: StarFile, block: string, rows: Iterable<number>): void {
  const table = star.blocks.get(block);
  if (!table || table.rowCount === 0) throw new Error(`${star.file} has no rows in data_${block}`);
  const { text } = star;
  const first = table.rowSpan(0)[0];
  const last = table.rowSpan(table.rowCount - 1)[1];
  const lineEnd = text.includes('\r\n') ? '\r\n' : '\n';
  writeAtomically(path, output => {
    output.append(Buffer.from(text.slice(0, first)));
    let piece = '';
    let separator = '';
    for (const row of rows) {
      const [begin, end] = table.rowSpan(row);
      piece += separator + text.slice(begin, end);
      separator = lineEnd;
      if (piece.length > 1 << 20) {
        output.append(Buffer.from(piece));
        piece = '';
      }
    }
    output.append(Buffer.from(piece + text.slice(last)));
  });
}

/**
 * Writes the file again with, in one block, other values in some columns: `columns` by name, one text a row. A column that the block lacks is
 * added as its last. Every other character stays as it is: comments, the order of rows and columns, the text of all other values.
 */
export function writeStarColumns(path: string, star: StarFile, block: string, columns: ReadonlyMap<string, readonly string[]>): void {
  const table = star.blocks.get(block);
  if (!table || table.rowCount === 0) throw new Error(`${star.file} has no rows in data_${block}`);
  const { text } = star;
  const lineEnd = text.includes('\r\n') ? '\r\n' : '\n';
  const replaced = table.columns.filter(column => columns.has(column));
  const added = [...columns.keys()].filter(column => !table.hasColumn(column));
  const last = table.columns[table.columns.length - 1];
  writeAtomically(path, output => {
    let piece = '';
    let done = 0;
    const put = (begin: number, end: number, words: string) => {
      piece += text.slice(done, begin) + words;
      done = end;
      if (piece.length < 1 << 20) return;
      output.append(Buffer.from(piece));
      piece = '';
    };
    const addNames = () => {
      const line = (name: string, i: number) =>
        `${lineEnd}_${name} ${table.isLoop ? `#${table.columns.length + i + 1}` : columns.get(name)?.[0]}`;
      if (added.length > 0) put(table.namesEnd, table.namesEnd, added.map(line).join(''));
    };
    if (table.isLoop) addNames();
    for (let row = 0; row < table.rowCount; row++) {
      for (const column of replaced) put(...table.valueSpan(row, column), columns.get(column)?.[row] as string);
      const end = table.valueSpan(row, last)[1];
      if (table.isLoop && added.length > 0) put(end, end, added.map(column => ` ${columns.get(column)?.[row]}`).join(''));
    }
    if (!table.isLoop) addNames();
    output.append(Buffer.from(piece + text.slice(done)));
  });
}

const TAB = 9;
const NEWLINE = 10;
const RETURN = 13;
const SPACE = 32;
const HASH = 35;

/** Starts of all values of one table, row after row; grows by doubling. */
class Offsets {
  values = new Uint32Array(1024);
  length = 0;

  push(value: number): void {
    if (this.length === this.values.length) {
      const grown = new Uint32Array(2 * this.length);
      grown.set(this.values);
      this.values = grown;
    }
    this.values[this.length++] = value;
  }
}

class StarParser {
  private readonly blocks = new Map<string, StarTable>();
  private name: string | null = null;
  private columns: string[] = [];
  private values = new Offsets();
  private inLoop = false;
  private namesEnd = 0;
  private line = 0;

  constructor(
    private readonly text: string,
    private readonly file: string,
  ) {}

  parse(): StarFile {
    const { text } = this;
    let begin = text.charCodeAt(0) === 0xfeff ? 1 : 0;
    while (begin < text.length) {
      let end = text.indexOf('\n', begin);
      if (end < 0) end = text.length;
      this.line++;
      this.readLine(begin, end);
      begin = end + 1;
    }
    this.endBlock();
    if (this.blocks.size === 0)
      throw new InputError(`${this.file}: not a STAR file (no data_ block in it); give the .star file of a refinement`);
    return { file: this.file, text, blocks: this.blocks };
  }

  private readLine(begin: number, end: number): void {
    const { text } = this;
    const first = skipBlanks(text, begin, end);
    if (first === end || text.charCodeAt(first) === HASH) return;
    if (text.startsWith('data_', first)) {
      this.endBlock();
      this.startBlock(text.slice(first + 'data_'.length, tokenEnd(text, first, end)));
    } else if (this.name === null) {
      this.fail(`"${text.slice(first, Math.min(end, first + 40)).trim()}" stands before any data_ block; give a STAR file`);
    } else if (text.startsWith('loop_', first) && tokenEnd(text, first, end) === first + 'loop_'.length) {
      if (this.columns.length > 0) this.fail(`a second table in the block data_${this.name}; give it a data_ block of its own`);
      this.inLoop = true;
    } else if (text.charAt(first) === '_' && !(this.inLoop && this.values.length > 0)) {
      this.readName(first, end);
    } else {
      this.readRow(first, end);
    }
  }

  private startBlock(name: string): void {
    if (this.blocks.has(name)) this.fail(`a second block data_${name}; a name may stand only once`);
    this.name = name;
  }

  private readName(first: number, end: number): void {
    const { text } = this;
    const nameEnd = tokenEnd(text, first, end);
    this.columns.push(text.slice(first + 1, nameEnd));
    this.namesEnd = text.charCodeAt(end - 1) === RETURN ? end - 1 : end;
    if (this.inLoop) return;
    const value = skipBlanks(text, nameEnd, end);
    if (value === end || text.charCodeAt(value) === HASH)
      this.fail(`${text.slice(first, nameEnd)} has no value; write it on the same line`);
    this.values.push(value);
  }

  private readRow(first: number, end: number): void {
    const { text, columns, values } = this;
    if (!this.inLoop || columns.length === 0) {
      this.fail(`"${text.slice(first, Math.min(end, first + 40)).trim()}" belongs to no table; expected loop_ and column names before it`);
    }
    let found = 0;
    for (let at = first; at < end && text.charCodeAt(at) !== HASH; found++) {
      values.push(at);
      const stop = tokenEnd(text, at, end);
      if (stop < 0) this.fail(`a quote is opened and not closed; close it`);
      at = skipBlanks(text, stop, end);
    }
    if (found !== columns.length) {
      this.fail(
        `${found} values in a table of ${columns.length} columns; mend or remove this row (a value with blanks in it needs quotes)`,
      );
    }
  }

  private endBlock(): void {
    if (this.name !== null)
      this.blocks.set(
        this.name,
        new TextTable(this.file, this.text, this.name, this.columns, this.values, { namesEnd: this.namesEnd, isLoop: this.inLoop }),
      );
    this.columns = [];
    this.values = new Offsets();
    this.inLoop = false;
  }

  private fail(problem: string): never {
    throw new InputError(`${this.file}, line ${this.line}: ${problem}`);
  }
}

class TextTable implements StarTable {
  readonly rowCount: number;
  private readonly places: Map<string, number>;
  private readonly starts: Uint32Array;
  readonly namesEnd: number;
  readonly isLoop: boolean;

  constructor(
    readonly file: string,
    private readonly text: string,
    readonly name: string,
    readonly columns: readonly string[],
    offsets: Offsets,
    layout: Pick<StarTable, 'namesEnd' | 'isLoop'>,
  ) {
    this.namesEnd = layout.namesEnd;
    this.isLoop = layout.isLoop;
    this.places = new Map(columns.map((column, place) => [column, place]));
    this.starts = offsets.values.slice(0, offsets.length);
    this.rowCount = columns.length > 0 ? offsets.length / columns.length : 0;
  }

  hasColumn(column: string): boolean {
    return this.places.has(column);
  }

  value(row: number, column: string): string {
    const [begin, end] = this.valueSpan(row, column);
    return isQuote(this.text.charCodeAt(begin)) ? this.text.slice(begin + 1, end - 1) : this.text.slice(begin, end);
  }

  valueSpan(row: number, column: string): [number, number] {
    const place = this.places.get(column);
    if (place === undefined) throw new Error(`${this.file}: data_${this.name} has no column ${column}`);
    const begin = this.starts[row * this.columns.length + place];
    return [begin, tokenEnd(this.text, begin, this.text.length)];
  }

  strings(column: string): string[] {
    return Array.from({ length: this.rowCount }, (_, row) => this.value(row, column));
  }

  numbers(column: string): Float64Array {
    const values = new Float64Array(this.rowCount);
    for (let row = 0; row < this.rowCount; row++) {
      const text = this.value(row, column);
      values[row] = Number(text);
      if (!Number.isFinite(values[row]) || text === '') {
        throw new InputError(`${this.file}, line ${this.line(row)}: ${column} is "${text}", not a number; mend or remove this row`);
      }
    }
    return values;
  }

  line(row: number): number {
    const [begin] = this.rowSpan(row);
    let line = 1;
    for (let at = this.text.indexOf('\n'); at >= 0 && at < begin; at = this.text.indexOf('\n', at + 1)) line++;
    return line;
  }

  rowSpan(row: number): [number, number] {
    const { text } = this;
    const start = this.starts[row * this.columns.length];
    const begin = text.lastIndexOf('\n', start) + 1;
    const lineFeed = text.indexOf('\n', start);
    const end = lineFeed < 0 ? text.length : lineFeed;
    return [begin, text.charCodeAt(end - 1) === RETURN ? end - 1 : end];
  }
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB || code === RETURN || code === NEWLINE;
}

function isQuote(code: number): boolean {
  return code === 34 || code === 39;
}

function skipBlanks(text: string, at: number, end: number): number {
  while (at < end && isBlank(text.charCodeAt(at))) at++;
  return at;
}

/** One past the last character of the value that begins at `at`, its quotes included; −1 when a quote is not closed before `end`. A quote closes only before a blank. */
function tokenEnd(text: string, at: number, end: number): number {
  const opening = text.charCodeAt(at);
  if (!isQuote(opening)) {
    while (at < end && !isBlank(text.charCodeAt(at))) at++;
    return at;
  }
  for (at++; at < end; at++) {
    if (text.charCodeAt(at) === opening && (at + 1 === end || isBlank(text.charCodeAt(at + 1)))) return at + 1;
  }
  return -1;
}
