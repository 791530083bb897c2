// dOffsets[rows (+ 1), 5N] from the Gaussians and their gradient; the row at z = 0 gets minus the sum of the others. One invocation a column.

struct Params {
  rows: u32,
  /** 5N. */
  width: u32,
  hasOrigin: u32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> gaussians: array<f32>;
@group(0) @binding(2) var<storage, read> dGaussians: array<f32>;
@group(0) @binding(3) var<storage, read> vary: array<f32>;
@group(0) @binding(4) var<storage, read_write> dOffsets: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let column = group.x * 64u + lane;
  if (column >= p.width) {
    return;
  }
  let kind = 5u * column / p.width;
  let shift = select(select(0.5, 0.0, kind == 3u), -0.5, kind < 3u);
  var origin = 0.0;
  for (var r = 0u; r < p.rows; r++) {
    let i = r * p.width + column;
    let sigmoid = gaussians[i] - shift;
    let d = dGaussians[i] * vary[column] * sigmoid * (1.0 - sigmoid);
    dOffsets[i] = d;
    origin -= d;
  }
  if (p.hasOrigin == 1u) {
    dOffsets[p.rows * p.width + column] = origin;
  }
}
