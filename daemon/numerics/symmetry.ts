// Point groups of rotations, from their generating axes in the settings of RELION and XMIPP: Cn, Dn, T, O, I and I1 … I4.

type Axis = [x: number, y: number, z: number];

/** Fold and direction of the axes that generate a group, and how many rotations it has. */
interface Generators {
  order: number;
  axes: [fold: number, axis: Axis][];
}

/** cos and sin of the angle between a twofold axis of the icosahedron and the nearest fivefold one: tan = 1/golden ratio. */
const GOLDEN = (1 + Math.sqrt(5)) / 2;
const [LONG, SHORT] = [GOLDEN / Math.hypot(1, GOLDEN), 1 / Math.hypot(1, GOLDEN)];
/** The same for the nearest threefold axis: tan = 1/golden ratio². */
const [LONG3, SHORT3] = [GOLDEN ** 2 / Math.hypot(1, GOLDEN ** 2), 1 / Math.hypot(1, GOLDEN ** 2)];

/** Products of coordinates closer than this are one rotation: far above rounding, far below any two rotations of a finite group of this size. */
const SAME = 1e-6;
const LARGEST_FOLD = 99;

function generators(symbol: string): Generators | null {
  const cyclic = /^([CD])([1-9]\d?)$/.exec(symbol);
  if (cyclic) {
    const fold = Number(cyclic[2]);
    const main: [number, Axis] = [fold, [0, 0, 1]];
    return cyclic[1] === 'C' ? { order: fold, axes: [main] } : { order: 2 * fold, axes: [main, [2, [1, 0, 0]]] };
  }
  switch (symbol) {
    case 'T':
      return {
        order: 12,
        axes: [
          [3, [0, 0, 1]],
          [2, [0, Math.sqrt(2 / 3), Math.sqrt(1 / 3)]],
        ],
      };
    case 'O':
      return {
        order: 24,
        axes: [
          [3, [1, 1, 1]],
          [4, [0, 0, 1]],
        ],
      };
    // Twofold axes along x, y and z, fivefold in the xz plane; I1 is the same a quarter turn about z.
    case 'I':
    case 'I2':
      return icosahedral([2, [0, 0, 1]], [5, [SHORT, 0, LONG]], [3, [0, SHORT3, LONG3]]);
    case 'I1':
      return icosahedral([2, [1, 0, 0]], [5, [LONG, 0, -SHORT]], [3, [LONG3, SHORT3, 0]]);
    // A fivefold axis along z; I4 is the same half a turn about z.
    case 'I3':
      return icosahedral([2, [-SHORT, 0, LONG]], [5, [0, 0, 1]]);
    case 'I4':
      return icosahedral([2, [SHORT, 0, LONG]], [5, [0, 0, 1]]);
    default:
      return null;
  }
}

function icosahedral(...axes: [number, Axis][]): Generators {
  return { order: 60, axes };
}

/**
 * All rotations of a point group, the identity first, row-major 3×3 each: a map V of this symmetry has V(g·r) = V(r), so a
 * particle with orientation A is as well described by A·g. Throws RangeError naming the symbols that are known.
 */
export function symmetryRotations(symbol: string): Float64Array[] {
  const found = generators(symbol.trim().toUpperCase());
  if (!found)
    throw new RangeError(`symmetry "${symbol}" is not known; take C1 … C${LARGEST_FOLD}, D1 … D${LARGEST_FOLD}, T, O, I, or I1 … I4`);
  const group: Float64Array[] = [Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1)];
  const turns = found.axes.map(([fold, axis]) => turnAbout(axis, (2 * Math.PI) / fold));
  // The list grows while it is walked, until products lead nowhere new.
  for (let i = 0; i < group.length && group.length <= found.order; i++) {
    for (const turn of turns) {
      const product = multiply(turn, group[i]);
      if (!group.some(other => other.every((value, k) => Math.abs(value - product[k]) < SAME))) group.push(product);
    }
  }
  if (group.length !== found.order) throw new Error(`the axes of ${symbol} generate ${group.length} rotations, not ${found.order}`);
  return group;
}

/** Rodrigues' formula; right-handed, the axis of any length. */
function turnAbout(axis: Axis, angle: number): Float64Array {
  const [x, y, z] = axis.map(value => value / Math.hypot(...axis));
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  const v = 1 - c;
  return Float64Array.of(
    c + v * x * x,
    v * x * y - s * z,
    v * x * z + s * y,
    v * x * y + s * z,
    c + v * y * y,
    v * y * z - s * x,
    v * x * z - s * y,
    v * y * z + s * x,
    c + v * z * z,
  );
}

/** a·b of two row-major 3×3 matrices. `aOffset`: where a begins. */
export function multiply(a: ArrayLike<number>, b: ArrayLike<number>, aOffset = 0): Float64Array {
  const out = new Float64Array(9);
  for (let row = 0; row < 3; row++)
    for (let column = 0; column < 3; column++)
      for (let k = 0; k < 3; k++) out[3 * row + column] += a[aOffset + 3 * row + k] * b[3 * k + column];
  return out;
}
