// The kernels of reconstruction, as a module of their own on memory that its threads share.

export { insertSlice } from './backprojection';
export { transformLines } from './line-transform';
