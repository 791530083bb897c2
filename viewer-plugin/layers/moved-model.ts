// A fitted model with its atoms at the places the daemon found for them.
import type { Model, Structure } from 'molstar/lib/mol-model/structure.js';
import { UUID } from 'molstar/lib/mol-util/uuid.js';

/** Mol* keeps what it computes about a structure under these names; a structure that only moved keeps its helices and strands. */
const SECONDARY_STRUCTURE = 'molstar_computed_secondary_structure';

/**
 * The model with atoms at `atoms`: 3·n, Å, in the order of the rows of the file. Mol* keeps atoms in an order of its own; the model knows
 * which row each of them came from. Throws when the number of atoms differs.
 */
export function moveModel(model: Model, atoms: Float32Array): Model {
  const count = model.atomicHierarchy.atoms._rowCount;
  if (atoms.length !== 3 * count) {
    throw new Error(`the daemon moved ${atoms.length / 3} atoms, but the model shown has ${count}: is it the project's model?`);
  }
  const rowOf = model.atomicHierarchy.atomSourceIndex;
  const x = new Float32Array(count);
  const y = new Float32Array(count);
  const z = new Float32Array(count);
  for (let atom = 0; atom < count; atom++) {
    const row = rowOf.value(atom);
    x[atom] = atoms[3 * row];
    y[atom] = atoms[3 * row + 1];
    z[atom] = atoms[3 * row + 2];
  }
  return { ...model, atomicConformation: { ...model.atomicConformation, id: UUID.create22(), x, y, z } };
}

/** The structure on a moved model, with the secondary structure it had: helices must not flicker along a motion. */
export function moveStructure(structure: Structure, model: Model): Structure {
  const moved = structure.remapModel(model);
  const kept = structure.root.inheritedPropertyData[SECONDARY_STRUCTURE];
  if (kept) moved.root.inheritedPropertyData[SECONDARY_STRUCTURE] = kept;
  return moved;
}
