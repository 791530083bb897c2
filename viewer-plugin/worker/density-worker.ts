// The worker's entry: density and its surface, away from the thread that draws.
import type { DensityAnswer, DensityQuestion } from './density-messages.js';
import { densitySurface } from './density-surface.js';
import { contourEnclosing, contourOfMass, densityOnGrid } from './gaussian-grid.js';

let scratch = new Float32Array(0);

function scratchFor(points: number): Float32Array {
  if (scratch.length !== points) scratch = new Float32Array(points);
  return scratch;
}

async function answer(question: DensityQuestion): Promise<[DensityAnswer, Transferable[]]> {
  const { id, cloud, grid } = question;
  const values = scratchFor(grid.size[0] * grid.size[1] * grid.size[2]);
  if (question.kind === 'surface') {
    const surface = await densitySurface(cloud, grid, question.contour, values);
    return [{ id, surface }, [surface.vertices.buffer, surface.normals.buffer, surface.indices.buffer]];
  }
  const density = densityOnGrid(cloud, grid, values);
  const volume = question.volumeAngstrom3;
  const contour =
    volume === null ? contourOfMass(density, question.massFraction) : contourEnclosing(density, volume / grid.spacingAngstrom ** 3);
  return [{ id, contour }, []];
}

self.onmessage = async (event: MessageEvent<DensityQuestion>) => {
  try {
    const [message, transfer] = await answer(event.data);
    self.postMessage(message, { transfer });
  } catch (error) {
    self.postMessage({ id: event.data.id, error: String(error) });
  }
};
