// Adds the gradient of weight · mean over rows of max(|z| − 1, 0) to dZ[rows, dims]; one invocation a row.

struct Params {
  rows: u32,
  dims: u32,
  /** weight / rows. */
  share: f32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> z: array<f32>;
@group(0) @binding(2) var<storage, read_write> dZ: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.x * 64u + lane;
  if (row >= p.rows) {
    return;
  }
  var squares = 0.0;
  for (var d = 0u; d < p.dims; d++) {
    squares += z[row * p.dims + d] * z[row * p.dims + d];
  }
  let radius = sqrt(squares);
  if (radius > 1.0) {
    for (var d = 0u; d < p.dims; d++) {
      dZ[row * p.dims + d] += p.share * z[row * p.dims + d] / radius;
    }
  }
}
