// The kernels of the CPU backend. Every one starts with (thread, threads); addresses are bytes in the one shared memory, counts are in numbers.

export { adam } from './adam';
export { batchNormalise, batchNormaliseBackward, batchStatistics } from './batch-normalisation';
export { dropout } from './dropout';
export { add, fill, gaussians, gaussiansBackward, scalePlane, sumRows } from './elementwise';
export { multiply, multiplyFew, multiplyTransposed, packLeft, prepareGradient } from './matrix-product';
export { projectAndCorrelate, projectionScratchBytes } from './projection';
export { stretchBackward } from './stretch';
