// The kernels that decode one latent point, as a module of their own on unshared memory, which is given back as soon as nobody holds it.

export { multiplyActive } from './active-rows';
export { gaussians } from './elementwise';
