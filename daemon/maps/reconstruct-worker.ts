// One thread of a reconstruction: takes its share of the steps of every piece of work, and waits between steps for the other threads.
import { parentPort, workerData } from 'node:worker_threads';
import { LineTransforms } from '../compute/cpu/line-transforms.js';
import { multiply } from '../numerics/symmetry.js';
import { insertSlice, PADDING, STRIDE, samplePlane, transformGrid } from './insertion.js';
import { insertionKernel } from './insertion-kernel.js';
import { InsertedSums, radialPlane } from './normal-equations.js';
import { PaddedOperator } from './padded-operator.js';
import { type Application, type Batch, Word, type Work, type WorkerStart } from './reconstruct-batch.js';
import { SamplePreparer } from './reconstruct-images.js';

const { kernels, memory, optics, rings, outputBox, threads, images, samples, accumulators, operator, control, slabs, symmetry } =
  workerData as WorkerStart;
const transforms = new LineTransforms(kernels);
const addSlice = memory ? insertionKernel(kernels, memory) : insertSlice;
const plane = samplePlane(rings);
const grid = transformGrid(rings);
const pixels = optics.boxSize ** 2;
const sampleNumbers = STRIDE * plane.size;
let preparer: SamplePreparer | null = null;
let padded: PaddedOperator | null = null;
let unpadded: PaddedOperator | null = null;

/** Calls `work` for the items 0 … count − 1 that no other thread has taken. */
function share(counter: number, count: number, work: (item: number) => void): void {
  for (let item = Atomics.add(control, counter, 1); item < count; item = Atomics.add(control, counter, 1)) work(item);
}

function waitForAll(done: number): void {
  if (Atomics.add(control, done, 1) + 1 === threads) Atomics.notify(control, done);
  for (let n = Atomics.load(control, done); n < threads; n = Atomics.load(control, done)) Atomics.wait(control, done, n);
}

function insert({ buffer, poses, targets }: Batch): void {
  preparer ??= new SamplePreparer(optics, plane, transforms);
  const prepared = preparer;
  const image = (i: number) => images[buffer].subarray(i * pixels, (i + 1) * pixels);
  share(Word.FirstStep, Math.ceil(poses.length / 2), pair => {
    const [first, second] = [2 * pair, 2 * pair + 1];
    const partner = second < poses.length ? { image: image(second), pose: poses[second] } : null;
    prepared.prepare({ image: image(first), pose: poses[first] }, partner, samples, first * sampleNumbers, second * sampleNumbers);
  });
  waitForAll(Word.FirstDone);
  const rotations = poses.map(pose => symmetry.map(turn => multiply(pose.rotation, turn)));
  share(Word.SecondStep, slabs.length - 1, slab => {
    for (let i = 0; i < poses.length; i++) {
      for (const rotation of rotations[i])
        addSlice(accumulators[targets[i]], grid, plane, samples, i * sampleNumbers, rotation, slabs[slab], slabs[slab + 1]);
    }
  });
}

function apply({ asked, set }: Application): void {
  const sums = new InsertedSums(
    set.map(i => accumulators[i]),
    grid,
  );
  const isPadded = asked.kind !== 'radial';
  const band = isPadded ? sums.band : rings;
  if (isPadded) padded ??= new PaddedOperator(band, outputBox, PADDING * outputBox, operator, transforms);
  else unpadded ??= new PaddedOperator(band, outputBox, outputBox, operator, transforms);
  const hands = (isPadded ? padded : unpadded)!;
  if (asked.kind !== 'numerator') share(Word.FirstStep, outputBox, y => hands.forwardRow(y));
  waitForAll(Word.FirstDone);
  share(Word.SecondStep, band + 1, uz => {
    if (asked.kind === 'numerator') hands.setPlane(uz, sums.numerator(uz));
    else hands.multiplyPlane(uz, asked.kind === 'weights' ? sums.weights(uz, asked.tau) : radialPlane(uz, asked.rings));
  });
  waitForAll(Word.SecondDone);
  share(Word.ThirdStep, outputBox, y => hands.inverseRow(y));
}

parentPort?.on('message', (work: Work) => {
  if (work.kind === 'insert') insert(work);
  else apply(work);
  parentPort?.postMessage('done');
});
