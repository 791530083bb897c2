// The kernels that work on one row, on unshared memory, which is given back as soon as nobody holds it: a decode of one latent point, rows in half precision.

export { multiplyActive } from './active-rows';
export { gaussians } from './elementwise';
export { fromHalf, toHalf } from './half-precision';
