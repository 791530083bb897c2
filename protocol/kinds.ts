// The kinds of field a message can have: each checks a value that arrived and gives it back in the form the program uses.

/** A value is not what its field allows. `reason` reads on after the field's name. */
export class Mismatch extends Error {
  constructor(
    readonly code: 'malformed' | 'bad-value',
    readonly field: string,
    readonly reason: string,
  ) {
    super(`${field} ${reason}`);
  }
}

/** Checks `value` of the field named `field`; throws Mismatch. */
export type Kind<T> = (value: unknown, field: string) => T;
/** A kind for every field of a message; the compiler holds it against messages.ts. */
export type Fields<M> = { readonly [F in keyof M]-?: Kind<M[F]> };

export const RUN_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
export const MAX_LATENT_DIMS = 64;
const LARGEST_WHOLE = 2 ** 32 - 1;

/** A whole number from `least` to `most`. */
export function whole(least = 0, most = LARGEST_WHOLE): Kind<number> {
  return (value, field) => {
    if (!Number.isInteger(value)) throw new Mismatch('malformed', field, 'is not a whole number');
    if ((value as number) < least || (value as number) > most)
      throw new Mismatch('bad-value', field, `is ${value}, not from ${least} to ${most}`);
    return value as number;
  };
}

export const finite: Kind<number> = (value, field) => {
  if (typeof value !== 'number') throw new Mismatch('malformed', field, 'is not a number');
  if (!Number.isFinite(value)) throw new Mismatch('bad-value', field, `is ${value}, not a finite number`);
  return value;
};

export const positive: Kind<number> = (value, field) => {
  if (finite(value, field) <= 0) throw new Mismatch('bad-value', field, `is ${value}, not above zero`);
  return value as number;
};

export const text: Kind<string> = (value, field) => {
  if (typeof value !== 'string') throw new Mismatch('malformed', field, 'is not a string');
  return value;
};

export const flag: Kind<boolean> = (value, field) => {
  if (typeof value !== 'boolean') throw new Mismatch('malformed', field, 'is not true or false');
  return value;
};

export const runName: Kind<string> = (value, field) => {
  if (!RUN_NAME.test(text(value, field))) {
    throw new Mismatch('bad-value', field, 'is no run name: 1 to 64 letters, digits, dots, dashes or underscores, a letter or digit first');
  }
  return value as string;
};

export function oneOf<T extends string | number>(...choices: readonly T[]): Kind<T> {
  return (value, field) => {
    if (!choices.includes(value as T)) throw new Mismatch('bad-value', field, `is not one of ${choices.join(', ')}`);
    return value as T;
  };
}

export function orNull<T>(kind: Kind<T>): Kind<T | null> {
  return (value, field) => (value === null ? null : kind(value, field));
}

/** The field may be left out. */
export function optional<T>(kind: Kind<T>): Kind<T | undefined> {
  return (value, field) => (value === undefined ? undefined : kind(value, field));
}

export function list<T>(kind: Kind<T>, least = 0, most = Number.POSITIVE_INFINITY): Kind<T[]> {
  return (value, field) => {
    if (!Array.isArray(value)) throw new Mismatch('malformed', field, 'is not a list');
    if (value.length < least || value.length > most)
      throw new Mismatch('bad-value', field, `has ${value.length} members, not from ${least} to ${most}`);
    return value.map((member, i) => kind(member, `${field}[${i}]`));
  };
}

export const latentPoint = list(finite, 1, MAX_LATENT_DIMS);
export const triple = list(finite, 3, 3) as Kind<number[]> as Kind<[number, number, number]>;

/** A map with the given fields. Fields beyond them are passed over, or refused where `strict`. */
export function record<M extends object>(fields: Fields<M>, strict = false): Kind<M> {
  return (value, field) => {
    if (!isMap(value)) throw new Mismatch('malformed', field, 'is not a map');
    return readFields(fields, value, `${field}.`, strict);
  };
}

export function readFields<M extends object>(fields: Fields<M>, value: Record<string, unknown>, prefix: string, strict: boolean): M {
  const read: Partial<M> = {};
  for (const name of Object.keys(fields) as (keyof M & string)[]) {
    const member = Object.hasOwn(value, name) ? value[name] : undefined;
    const checked = fields[name](member, `${prefix}${name}`);
    if (checked !== undefined) read[name] = checked;
  }
  if (strict) {
    const extra = Object.keys(value).find(name => !Object.hasOwn(fields, name));
    if (extra !== undefined) throw new Mismatch('malformed', `${prefix}${extra.slice(0, 64)}`, 'is not a field of this message');
  }
  return read as M;
}

/** A map whose field `tag` says which other fields it has; fields beyond them are refused. */
export function variant<T extends Record<K, string>, K extends string>(
  tag: K,
  cases: { readonly [W in T[K]]: Fields<Omit<Extract<T, Record<K, W>>, K>> },
): Kind<T> {
  const whichever = oneOf(...(Object.keys(cases) as T[K][]));
  return (value, field) => {
    if (!isMap(value)) throw new Mismatch('malformed', field, 'is not a map');
    const { [tag]: which, ...rest } = value;
    const chosen = whichever(which as T[K], `${field}.${tag}`);
    return { [tag]: chosen, ...readFields(cases[chosen], rest, `${field}.`, true) } as unknown as T;
  };
}

export function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
}

/** Little-endian float32 of any length; an aligned copy, because `bin` begins at any byte of the message. */
export const float32: Kind<Float32Array> = (value, field) => new Float32Array(alignedCopy(value, field));
/** Little-endian uint32 of any length. */
export const uint32: Kind<Uint32Array> = (value, field) => new Uint32Array(alignedCopy(value, field));

function alignedCopy(value: unknown, field: string): ArrayBuffer {
  if (!(value instanceof Uint8Array)) throw new Mismatch('malformed', field, 'is not binary');
  if (value.byteLength % 4 !== 0) throw new Mismatch('malformed', field, `has ${value.byteLength} bytes, not a multiple of 4`);
  // Not value.slice(): Node's Buffer makes a view of it.
  const copy = new ArrayBuffer(value.byteLength);
  new Uint8Array(copy).set(value);
  return copy;
}
