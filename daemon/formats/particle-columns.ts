// Numbers per particle as a TSV table: particle, then named columns (contract.md); what is found out about latents lies beside them in this form.
import { InputError } from './input-error.js';

export interface ParticleColumn {
  name: string;
  /** One per particle; NaN where unknown. */
  values: ArrayLike<number>;
}

export interface ParticleColumns {
  /** 1-based rows of the input file. */
  particle: Uint32Array;
  columns: ParticleColumn[];
}

/** The table's text, a piece per thousand particles. Nine digits tell every float32 apart. */
export function* formatParticleColumns({ particle, columns }: ParticleColumns): Generator<string> {
  yield ['particle', ...columns.map(({ name }) => name)].join('\t') + '\n';
  for (let start = 0; start < particle.length; start += 1000) {
    let text = '';
    for (let i = start; i < Math.min(particle.length, start + 1000); i++) {
      text += particle[i];
      for (const { values } of columns) text += `\t${digits(values[i])}`;
      text += '\n';
    }
    yield text;
  }
}

/** Reads what `formatParticleColumns` wrote. Throws InputError naming the file and the line. */
export function parseParticleColumns(text: string, file: string): ParticleColumns {
  const lines = text.trimEnd().split('\n');
  const names = lines[0].split('\t').map(name => name.trim());
  if (names[0] !== 'particle' || names.length < 2)
    throw new InputError(`${file}:1: the first column must be "particle" and others follow; this line is "${lines[0].slice(0, 80)}"`);
  const count = lines.length - 1;
  const particle = new Uint32Array(count);
  const columns = names.slice(1).map(name => ({ name, values: new Float32Array(count) }));
  for (let i = 0; i < count; i++) {
    const cells = lines[i + 1].split('\t');
    particle[i] = Number(cells[0]);
    columns.forEach(({ values }, c) => {
      values[i] = Number(cells[c + 1]);
    });
    const isWrong = cells.length !== names.length || String(particle[i]) !== cells[0] || particle[i] === 0;
    if (isWrong || columns.some(({ values }, c) => Number.isNaN(values[i]) && cells[c + 1].trim() !== 'nan'))
      throw new InputError(
        `${file}:${i + 2}: "${lines[i + 1].slice(0, 80)}" is not a particle number and ${columns.length} numbers; delete the file and make it again`,
      );
  }
  return { particle, columns };
}

function digits(value: number): string {
  return Number.isNaN(value) ? 'nan' : String(Number(value.toPrecision(9)));
}
